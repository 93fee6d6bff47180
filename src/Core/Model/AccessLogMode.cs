namespace Culvert.Core;

/// <summary>Which requests of HTTP the nodes write to their access logs.</summary>
public enum AccessLogMode
{
    /// <summary>None.</summary>
    Disabled,

    /// <summary>Those that failed: answered with a status of 500 or above, or one of gRPC that is the server's failure, not answered, or answered by the proxy in the server's place.</summary>
    Errors,

    /// <summary>All, or a share of those that did not fail.</summary>
    All,
}
