namespace Culvert.Core;

/// <summary>What is known, when policy is asked, of what a connection carries.</summary>
internal readonly ref struct PolicyScope
{
    private readonly RequestHead _request;
    private readonly Kind _kind;

    /// <summary>A request is asked about.</summary>
    internal PolicyScope(in RequestHead request)
    {
        _request = request;
        _kind = Kind.Request;
    }

    private PolicyScope(Kind kind) => _kind = kind;

    private enum Kind
    {
        Bytes,
        Connection,
        Request,
    }

    /// <summary>Nobody reads what it carries.</summary>
    internal static PolicyScope Bytes => new(Kind.Bytes);

    /// <summary>Its requests will be asked about one by one.</summary>
    internal static PolicyScope Connection => new(Kind.Connection);

    /// <summary>Whether conditions on requests are met, or may be.</summary>
    /// <param name="conditions">The conditions; null: there are none.</param>
    /// <param name="action">What the policy does that asks.</param>
    internal bool Meets(RequestConditions? conditions, PolicyAction action) => conditions is null || _kind switch
    {
        Kind.Request => conditions.Match(_request, action),
        Kind.Connection => action == PolicyAction.Allow,
        _ => action != PolicyAction.Allow,
    };
}
