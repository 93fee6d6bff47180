namespace Grpc.Core;

/// <summary>What clients need of a channel. Thread-safe.</summary>
/// <param name="target">The authority of the server, <c>host:port</c>.</param>
public abstract class ChannelBase(string target)
{
    /// <summary>The authority of the server, <c>host:port</c>.</summary>
    public string Target { get; } = target;

    /// <summary>Something that starts calls on this channel.</summary>
    public abstract CallInvoker CreateCallInvoker();
}
