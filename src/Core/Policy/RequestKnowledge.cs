namespace Culvert.Core;

/// <summary>What is known, when policy is asked, of the requests that a connection carries.</summary>
internal readonly ref struct RequestKnowledge
{
    private readonly RequestHead _request;
    private readonly Kind _kind;

    /// <summary>A request is asked about.</summary>
    internal RequestKnowledge(in RequestHead request)
    {
        _request = request;
        _kind = Kind.Known;
    }

    private RequestKnowledge(Kind kind) => _kind = kind;

    private enum Kind
    {
        Unread,
        ToCome,
        Known,
    }

    /// <summary>Nobody reads what it carries.</summary>
    internal static RequestKnowledge Unread => new(Kind.Unread);

    /// <summary>Its requests will be asked about one by one.</summary>
    internal static RequestKnowledge ToCome => new(Kind.ToCome);

    /// <summary>Whether somebody reads what it carries.</summary>
    internal bool IsRead => _kind != Kind.Unread;

    /// <summary>Whether conditions on requests are met, or may be.</summary>
    /// <param name="conditions">The conditions; null: there are none.</param>
    /// <param name="action">The action of the policy that asks.</param>
    internal bool Meets(RequestConditions? conditions, PolicyAction action) => conditions is null || (_kind == Kind.Known ? conditions.Match(_request, action) : MayMeet(action));

    /// <summary>The same for conditions on the token.</summary>
    internal bool Meets(TokenConditions? conditions, PolicyAction action) => conditions is null || (_kind == Kind.Known ? conditions.Match(_request.Token, action) : MayMeet(action));

    /// <summary>The same for conditions on claims, all of which must be met.</summary>
    internal bool Meets(EquatableArray<ClaimCondition> conditions, PolicyAction action)
    {
        if (conditions.IsEmpty) return true;
        if (_kind != Kind.Known) return MayMeet(action);
        foreach (ClaimCondition condition in conditions)
        {
            if (!condition.Match(_request.Token, action)) return false;
        }

        return true;
    }

    private bool MayMeet(PolicyAction action) => (_kind == Kind.ToCome) == (action == PolicyAction.Allow);
}
