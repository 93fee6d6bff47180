namespace Grpc.Core;

/// <summary>The base of generated clients. Thread-safe.</summary>
/// <typeparam name="T">The generated client.</typeparam>
public abstract class ClientBase<T> : ClientBase
    where T : ClientBase<T>
{
    /// <summary>Makes a test double that overrides what is called of it.</summary>
    protected ClientBase()
    {
    }

    /// <summary>Makes a client of a channel.</summary>
    /// <param name="channel">Where calls go.</param>
    protected ClientBase(ChannelBase channel) : base(InvokerOf(channel))
    {
    }

    /// <summary>Makes a client.</summary>
    /// <param name="callInvoker">Starts the calls.</param>
    protected ClientBase(CallInvoker callInvoker) : base(callInvoker)
    {
    }

    /// <summary>Makes a client that calls as another does.</summary>
    /// <param name="configuration">What the other passes on.</param>
    protected ClientBase(ClientBaseConfiguration configuration) : base(InvokerOf(configuration))
    {
    }

    /// <summary>Makes a client of the same type. Generated clients have to have it; nothing calls it here.</summary>
    /// <param name="configuration">How the new client calls.</param>
    protected abstract T NewInstance(ClientBaseConfiguration configuration);

    private static CallInvoker InvokerOf(ChannelBase channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel.CreateCallInvoker();
    }

    private static CallInvoker InvokerOf(ClientBaseConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.CallInvoker;
    }
}
