namespace Grpc.Core;

/// <summary>What the clients of all services share. Thread-safe.</summary>
public abstract class ClientBase
{
    private readonly CallInvoker? callInvoker;

    private protected ClientBase()
    {
    }

    private protected ClientBase(CallInvoker callInvoker)
    {
        ArgumentNullException.ThrowIfNull(callInvoker);
        this.callInvoker = callInvoker;
    }

    /// <summary>Starts the calls.</summary>
    /// <exception cref="InvalidOperationException">The client is a test double: it was made without an invoker.</exception>
    protected CallInvoker CallInvoker => callInvoker ?? throw new InvalidOperationException($"{GetType().Name} was made without an invoker.");

    /// <summary>What one client passes to another of its type that is to call the same way.</summary>
    /// <param name="callInvoker">Starts the calls.</param>
    protected internal sealed class ClientBaseConfiguration(CallInvoker callInvoker)
    {
        internal CallInvoker CallInvoker { get; } = callInvoker;
    }
}
