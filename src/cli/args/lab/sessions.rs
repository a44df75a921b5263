//! What stands under `--help` of each program: a session to type, and what is worth knowing.

pub(super) const ECHO_SERVER: &str = "\
A session:
  first terminal                    second terminal
  $ larder lab echo-server          $ larder lab echo-client
  Socket created                    Socket created
  bind done                         Connected
  Waiting for incoming connections...
  Connection accepted               Enter message : hello
  hello                             Server reply :
                                    hello
  Client disconnected               Enter message : (Ctrl-D)

Any TCP client will do: python3, nc localhost 8888, telnet. Ctrl-C stops the server.";

pub(super) const ECHO_CLIENT: &str = "\
A session, with `larder lab echo-server` in another terminal:
  $ larder lab echo-client
  Socket created
  Connected
  Enter message : hello
  Server reply :
  hello
  Enter message : (Ctrl-D)

A reply is over when it is what was sent, when the server closes, or when nothing more comes for a
quarter of a second: TCP is a stream and knows no messages. An empty line sends nothing, since no byte
is no message in a stream.";

pub(super) const GREET_SERVER: &str = "\
A session:
  first terminal                              second terminal
  $ larder lab greet-server                   $ larder lab greet-client
  Got Connection from 127.0.0.1:51234         Thanks for connecting
  Hai from client

Any TCP client will do that sends first: nc localhost 8080, python3. Ctrl-C stops the server.";

pub(super) const GREET_CLIENT: &str = "\
A session, with `larder lab greet-server` in another terminal:
  $ larder lab greet-client
  Thanks for connecting
  $ larder lab greet-client localhost 'Good morning'
  Thanks for connecting";

pub(super) const UPPER_SERVER: &str = "\
A session:
  first terminal                              second terminal
  $ larder lab upper-server --udp             $ larder lab upper-client --udp localhost --port 12000
  The server is ready to receive              Input lowercase sentence: hello
  Received data from 127.0.0.1:51234: hello   From Server: HELLO
  Sent data to 127.0.0.1:51234: HELLO         Input lowercase sentence: quit

With --tcp the port is 13000, and a line `Connected with address 127.0.0.1:51234` comes first: UDP has
nothing to connect. What is no UTF-8 is sent back as it came. Ctrl-C stops the server.";

pub(super) const UPPER_CLIENT: &str = "\
A session, with `larder lab upper-server --udp` in another terminal:
  $ larder lab upper-client --udp
  Input server name [localhost]:
  Input server port [12000]:
  Input lowercase sentence: hello
  From Server: HELLO
  Input lowercase sentence: quit

Without a server, TCP says `connection refused` at once: the handshake needs an answer, and the machine
answers for the missing program. In UDP there is no handshake, so that nobody being there is no error: a
datagram is sent, and that is all the sender knows. Nothing tells a server that is missing from one that
is slow, or from a datagram that was lost. (The machine may say `port unreachable` by ICMP; a socket
that is not connected to one peer is not told.) So the client waits for --wait, says that nobody
answered, and tries again, --tries times in all. Start the server meanwhile, and it gets the next try.";

pub(super) const CHAT_SERVER: &str = "\
A session:
  first terminal                                      second terminal
  $ larder lab chat-server                            $ larder lab chat-client
  Server is ready to chat.                            You (Client): hello
  Client: hello received from (127.0.0.1:51234)
  You (Server): hello yourself                        Server: hello yourself
                                                      You (Client): quit
  Client: quit received from (127.0.0.1:51234)

Every message gets one reply, in the order of their coming; it goes to the sender of that message, so
that several clients can chat at once. `quit` of a client ends its chat, `quit` here ends the server.";

pub(super) const CHAT_CLIENT: &str = "\
A session, with `larder lab chat-server` in another terminal:
  $ larder lab chat-client
  You (Client): hello
  Server: hello yourself
  You (Client): quit

The two type in turn. UDP does not tell whether anybody is there: after --wait without a reply the
client says so once, and goes on waiting. `quit` on either side ends the chat, Ctrl-C too.";

pub(super) const WEB_SERVER: &str = "\
A session:
  first terminal                              second terminal
  $ echo '<h1>Hello</h1>' > HelloWorld.html
  $ larder lab web-server                     $ larder lab get localhost 6789 HelloWorld.html
  Ready to serve...

Or open http://localhost:6789/HelloWorld.html in a browser. Ctrl-C stops the server.";

pub(super) const GET: &str = "\
A session, with `larder lab web-server` in a second and `larder serve` in a third terminal:
  $ larder lab get localhost 6789 HelloWorld.html
  $ larder lab get localhost 6789 HelloWorld.html --proxy localhost:3128
  $ larder lab get localhost 6789 HelloWorld.html --proxy localhost:3128

The first asks the server itself. The second goes through the proxy, which asks the server and stores
the answer. The third is answered by the proxy alone.";
