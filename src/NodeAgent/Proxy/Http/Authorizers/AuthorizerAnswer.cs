using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>What an external authorizer has said of a request, or why it has said nothing.</summary>
internal sealed record AuthorizerAnswer
{
    /// <summary>Why there is no answer, in words; null: there is one.</summary>
    internal string? Failure { get; private init; }

    /// <summary>Whether the same question may have an answer when it is asked once more.</summary>
    internal bool MayAskAgain { get; private init; }

    /// <summary>Whether it is the request that has made it fail, so that it may not pass whatever is said of authorizers that can't be asked.</summary>
    internal bool IsOfRequest { get; private init; }

    /// <summary>Whether the request is allowed.</summary>
    internal bool IsAllowed { get; private init; }

    /// <summary>The status of what the client of a denied request is told.</summary>
    internal int Status { get; private init; }

    /// <summary>What else it is told.</summary>
    internal DeniedAnswer? Denied { get; private init; }

    /// <summary>What is changed in the head of an allowed one, in this order.</summary>
    internal IReadOnlyList<HeadEdit> Edits { get; private init; } = [];

    /// <summary>There is none.</summary>
    internal static AuthorizerAnswer Failed(string reason, bool mayAskAgain = false, bool isOfRequest = false) => new() { Failure = reason, MayAskAgain = mayAskAgain, IsOfRequest = isOfRequest };

    /// <summary>The request is allowed.</summary>
    internal static AuthorizerAnswer Allowed(IReadOnlyList<HeadEdit> edits) => new() { IsAllowed = true, Edits = edits };

    /// <summary>The request is denied.</summary>
    internal static AuthorizerAnswer Refused(int status, DeniedAnswer answer) => new() { Status = status, Denied = answer };
}
