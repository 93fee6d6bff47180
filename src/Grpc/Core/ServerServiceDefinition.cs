namespace Culvert.Grpc;

/// <summary>The methods of a service with their handlers; made by <see cref="CreateBuilder"/>. Immutable.</summary>
public sealed class ServerServiceDefinition
{
    private ServerServiceDefinition(IReadOnlyList<IServerMethod> methods) => Methods = methods;

    internal IReadOnlyList<IServerMethod> Methods { get; }

    /// <summary>Starts a definition.</summary>
    public static Builder CreateBuilder() => new();

    /// <summary>Collects methods with their handlers. Not thread-safe.</summary>
    public sealed class Builder
    {
        private readonly Dictionary<string, IServerMethod> methods = new(StringComparer.Ordinal);

        internal Builder()
        {
        }

        /// <summary>Adds a method with one request and one response.</summary>
        /// <typeparam name="TRequest">Type of the request.</typeparam>
        /// <typeparam name="TResponse">Type of the response.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Its handler.</param>
        /// <exception cref="ArgumentException">The method is of another type or was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, MethodType.Unary, new UnaryServerCall<TRequest, TResponse>(method, handler));
        }

        /// <summary>Adds a method with many requests and one response.</summary>
        /// <typeparam name="TRequest">Type of the requests.</typeparam>
        /// <typeparam name="TResponse">Type of the response.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Its handler.</param>
        /// <exception cref="ArgumentException">The method is of another type or was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, MethodType.ClientStreaming, new ClientStreamingServerCall<TRequest, TResponse>(method, handler));
        }

        /// <summary>Adds a method with one request and many responses.</summary>
        /// <typeparam name="TRequest">Type of the request.</typeparam>
        /// <typeparam name="TResponse">Type of the responses.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Its handler.</param>
        /// <exception cref="ArgumentException">The method is of another type or was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, MethodType.ServerStreaming, new ServerStreamingServerCall<TRequest, TResponse>(method, handler));
        }

        /// <summary>Adds a method with many requests and many responses.</summary>
        /// <typeparam name="TRequest">Type of the requests.</typeparam>
        /// <typeparam name="TResponse">Type of the responses.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Its handler.</param>
        /// <exception cref="ArgumentException">The method is of another type or was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, MethodType.DuplexStreaming, new DuplexStreamingServerCall<TRequest, TResponse>(method, handler));
        }

        /// <summary>The definition with the methods added so far.</summary>
        public ServerServiceDefinition Build() => new([.. methods.Values]);

        private Builder Add<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodType type, IServerMethod call)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(method);
            if (method.Type != type)
            {
                throw new ArgumentException($"Method {method.FullName} is {method.Type}, its handler is {type}.", nameof(method));
            }

            return methods.TryAdd(method.FullName, call)
                ? this
                : throw new ArgumentException($"Method {method.FullName} was added before.", nameof(method));
        }
    }
}
