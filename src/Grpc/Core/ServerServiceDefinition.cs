namespace Grpc.Core;

/// <summary>The methods of a service with their handlers; made by <see cref="CreateBuilder"/>. Immutable.</summary>
public sealed class ServerServiceDefinition
{
    private readonly IReadOnlyList<Action<ServiceBinderBase>> methods;

    private ServerServiceDefinition(IReadOnlyList<Action<ServiceBinderBase>> methods) => this.methods = methods;

    /// <summary>Starts a definition.</summary>
    public static Builder CreateBuilder() => new();

    /// <summary>Gives the methods, in the order in which they were added, to whoever runs them.</summary>
    internal void BindService(ServiceBinderBase binder)
    {
        foreach (Action<ServiceBinderBase> method in methods)
        {
            method(binder);
        }
    }

    /// <summary>Collects methods with their handlers. Not thread-safe.</summary>
    public sealed class Builder
    {
        private readonly List<Action<ServiceBinderBase>> methods = [];
        private readonly HashSet<string> names = new(StringComparer.Ordinal);

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
            return Add(method, MethodType.Unary, binder => binder.AddMethod(method, handler));
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
            return Add(method, MethodType.ClientStreaming, binder => binder.AddMethod(method, handler));
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
            return Add(method, MethodType.ServerStreaming, binder => binder.AddMethod(method, handler));
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
            return Add(method, MethodType.DuplexStreaming, binder => binder.AddMethod(method, handler));
        }

        /// <summary>The definition with the methods added so far.</summary>
        public ServerServiceDefinition Build() => new([.. methods]);

        private Builder Add<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodType type, Action<ServiceBinderBase> bind)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(method);
            if (method.Type != type)
            {
                throw new ArgumentException($"Method {method.FullName} is {method.Type}, its handler is {type}.", nameof(method));
            }

            if (!names.Add(method.FullName))
            {
                throw new ArgumentException($"Method {method.FullName} was added before.", nameof(method));
            }

            methods.Add(bind);
            return this;
        }
    }
}
