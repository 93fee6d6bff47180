namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What has come of trying a request again.</summary>
internal enum RetryOutcome
{
    /// <summary>It was answered, and not with an error that is the server's (<see cref="TryOutcome.Good"/>).</summary>
    Succeeded,

    /// <summary>This try has failed as well, or yet another has followed it.</summary>
    Failed,

    /// <summary>It says nothing: the client gave it up, or this node has refused it or has no room for it.</summary>
    Unknown,

    /// <summary>It was not tried again: as many requests were as the Service's retry budget allows.</summary>
    NoBudget,
}
