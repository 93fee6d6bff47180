namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What one try of a request says of the backend that it went to.</summary>
internal enum TryOutcome
{
    /// <summary>Nothing: the client gave it up, or it never left this node.</summary>
    Unknown,

    /// <summary>It was answered, with another status than those of a server's errors.</summary>
    Good,

    /// <summary>It was answered with an error that is the server's whatever it was asked, too late or not as HTTP has it, or the backend was not reached.</summary>
    Bad,
}
