namespace Grpc.Core;

/// <summary>The stream of responses on the server; ends when the handler returns.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>;
