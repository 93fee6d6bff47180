namespace Grpc.Core;

/// <summary>Describes a method: its name on the wire and how its messages are encoded. Immutable and thread-safe.</summary>
/// <typeparam name="TRequest">Type of the request messages.</typeparam>
/// <typeparam name="TResponse">Type of the response messages.</typeparam>
public sealed class Method<TRequest, TResponse>
    where TRequest : class
    where TResponse : class
{
    /// <summary>Describes a method.</summary>
    /// <param name="type">How many messages each side sends.</param>
    /// <param name="serviceName">Full name of the service with its package, for example <c>culvert.v1.ControlPlane</c>.</param>
    /// <param name="name">Name of the method without the service.</param>
    /// <param name="requestMarshaller">Encoding of requests.</param>
    /// <param name="responseMarshaller">Encoding of responses.</param>
    public Method(
        MethodType type,
        string serviceName,
        string name,
        Marshaller<TRequest> requestMarshaller,
        Marshaller<TResponse> responseMarshaller)
    {
        ArgumentException.ThrowIfNullOrEmpty(serviceName);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(requestMarshaller);
        ArgumentNullException.ThrowIfNull(responseMarshaller);
        Type = type;
        ServiceName = serviceName;
        Name = name;
        RequestMarshaller = requestMarshaller;
        ResponseMarshaller = responseMarshaller;
        FullName = $"/{serviceName}/{name}";
    }

    /// <summary>How many messages each side sends.</summary>
    public MethodType Type { get; }

    /// <summary>Full name of the service, with its package.</summary>
    public string ServiceName { get; }

    /// <summary>Name of the method without the service.</summary>
    public string Name { get; }

    /// <summary>The HTTP path: <c>/service/method</c>.</summary>
    public string FullName { get; }

    /// <summary>Encoding of requests.</summary>
    public Marshaller<TRequest> RequestMarshaller { get; }

    /// <summary>Encoding of responses.</summary>
    public Marshaller<TResponse> ResponseMarshaller { get; }
}
