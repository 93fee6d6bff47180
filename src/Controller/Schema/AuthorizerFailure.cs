namespace Culvert.Controller.Schema;

/// <summary>What becomes of requests about which an external authorizer can't be asked.</summary>
internal enum AuthorizerFailure
{
    /// <summary>They are refused.</summary>
    Deny,

    /// <summary>They pass.</summary>
    Allow,
}
