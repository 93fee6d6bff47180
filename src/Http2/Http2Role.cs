namespace Culvert.Http2;

/// <summary>Which side of an HTTP/2 connection this endpoint is.</summary>
public enum Http2Role
{
    /// <summary>Opens streams with odd identifiers and sends the connection preface.</summary>
    Client,

    /// <summary>Accepts streams; expects the connection preface.</summary>
    Server,
}
