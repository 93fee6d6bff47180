using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>What a rate limit service has said of a request, or why it has said nothing.</summary>
internal sealed record LimitAnswer
{
    /// <summary>Why there is no answer, in words; null: there is one.</summary>
    internal string? Failure { get; private init; }

    /// <summary>Whether the same question may have an answer when it is asked once more.</summary>
    internal bool MayAskAgain { get; private init; }

    /// <summary>Whether the request, or many of them, may have brought the failure about: were it let through then, whoever asks much would have no limit.</summary>
    internal bool IsOfRequest { get; private init; }

    /// <summary>What the client is told of a request that is one too many; null: it is none.</summary>
    internal DeniedAnswer? Denied { get; private init; }

    /// <summary>What is put into the head of one that is none.</summary>
    internal IReadOnlyList<HeadEdit> Edits { get; private init; } = [];

    /// <summary>For how many further questions it holds that are the same, and until when; null: for none.</summary>
    internal (uint Requests, DateTimeOffset Until)? Quota { get; init; }

    /// <summary>There is none.</summary>
    internal static LimitAnswer Failed(string reason, bool mayAskAgain = false, bool isOfRequest = false) => new() { Failure = reason, MayAskAgain = mayAskAgain, IsOfRequest = isOfRequest };

    /// <summary>The request may pass.</summary>
    internal static LimitAnswer Within(IReadOnlyList<HeadEdit> edits) => new() { Edits = edits };

    /// <summary>It is one too many.</summary>
    internal static LimitAnswer Over(DeniedAnswer answer) => new() { Denied = answer };
}
