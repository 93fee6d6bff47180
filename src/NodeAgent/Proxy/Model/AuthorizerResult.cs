namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What has become of a question to an external authorizer.</summary>
internal enum AuthorizerResult
{
    /// <summary>It allows the request.</summary>
    Allowed,

    /// <summary>It does not.</summary>
    Denied,

    /// <summary>It could not be asked, did not answer in time, or what it says is no answer.</summary>
    Failed,
}
