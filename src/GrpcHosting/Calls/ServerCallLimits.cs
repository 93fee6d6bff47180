using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;

namespace Culvert.GrpcHosting;

/// <summary>
/// Limits of all calls of a server that <see cref="GrpcServiceOptions"/> does not have; set by <c>services.AddLimitedGrpc(…)</c>. Not
/// thread-safe while it is being set.
/// </summary>
public sealed class ServerCallLimits
{
    /// <summary>
    /// How long a client may read nothing of the data that waits for it. The server then resets the stream and frees the data. A stream
    /// without data may be silent forever.
    /// Null (default): no limit.
    /// </summary>
    public TimeSpan? WriteTimeout { get; set; }

    /// <summary>
    /// How long the request of a call with a single request may take to arrive; the call then ends with DEADLINE_EXCEEDED. Null
    /// (default): no limit.
    /// </summary>
    public TimeSpan? RequestTimeout { get; set; }

    /// <summary>
    /// Longest body of a call with a single request, bytes including message prefixes; longer ones end with RESOURCE_EXHAUSTED. Null
    /// (default): no limit. Streams of requests have no limit in total,
    /// only <see cref="GrpcServiceOptions.MaxReceiveMessageSize"/> per message.
    /// </summary>
    public long? MaxRequestBodySize { get; set; }

    /// <summary>
    /// Admits a call before the server reads any of its request. The server disposes the result, which may be null, when the call has
    /// ended. The function throws <see cref="RpcException"/> to refuse the call. It may set another <see cref="MaxRequestBodySize"/> for
    /// the call (IHttpMaxRequestBodySizeFeature).
    /// Called on any thread. Null (default): the server admits all calls.
    /// </summary>
    public Func<HttpContext, IDisposable?>? Admit { get; set; }

    /// <summary>
    /// Called when a call with a single request ends before its handler runs, because the request is missing, invalid, too long or
    /// late, with the status of the call; CANCELLED if the client has gone.
    /// Not called for refused calls. Called on any thread. Null (default): not reported.
    /// </summary>
    public Action<HttpContext, StatusCode>? RequestFailed { get; set; }
}
