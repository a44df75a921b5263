//! Where stored responses are; may fail without failing a request.
