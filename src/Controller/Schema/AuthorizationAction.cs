namespace Culvert.Controller.Schema;

/// <summary>What an AuthorizationPolicy may say that becomes of what it matches.</summary>
internal enum AuthorizationAction
{
    /// <summary>It is allowed.</summary>
    Allow,

    /// <summary>It is refused.</summary>
    Deny,

    /// <summary>It is reported.</summary>
    Audit,

    /// <summary>An external authorizer decides.</summary>
    Custom,
}
