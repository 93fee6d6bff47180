namespace Grpc.Core;

/// <summary>The stream of requests on the client.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the stream of requests (half-close). Once only.</summary>
    Task CompleteAsync();
}
