namespace Culvert.Grpc;

/// <summary>Makes what the server runs of the methods of a service.</summary>
internal sealed class ServerMethodCollector : ServiceBinderBase
{
    private readonly List<IServerMethod> methods = [];

    internal IReadOnlyList<IServerMethod> Methods => methods;

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        methods.Add(new UnaryServerCall<TRequest, TResponse>(method, handler));
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        methods.Add(new ClientStreamingServerCall<TRequest, TResponse>(method, handler));
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        methods.Add(new ServerStreamingServerCall<TRequest, TResponse>(method, handler));
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        methods.Add(new DuplexStreamingServerCall<TRequest, TResponse>(method, handler));
    }
}
