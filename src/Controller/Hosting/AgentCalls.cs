using Culvert.Controller.Api;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Culvert.Controller.Hosting;

/// <summary>
/// Bounds the memory that unfinished requests of one connection can hold, by the number of its calls with long messages and by the length of all others.
/// Kept with the connection. Safe for any number of threads.
/// </summary>
internal sealed class AgentCalls
{
    /// <summary>Longest message of an agent, bytes: the report of a node with some hundred pods, with less than 1 KiB for each.</summary>
    internal const int LongestReport = 512 * 1024;

    /// <summary>Longest request for a certificate or token, bytes. A certificate request has 4 KiB at most.</summary>
    internal const int LongestRequest = 16 * 1024;

    /// <summary>Longest request to join, bytes: a certificate request and an attestation token.</summary>
    internal const int LongestJoin = 64 * 1024;

    /// <summary>Most streams and reports of a connection at a time. An agent has one of each; an older one may still end.</summary>
    internal const int MostLongCalls = 4;

    /// <summary>Where it is among the items of a connection.</summary>
    internal static readonly object Key = new();

    private static readonly PathString Certificates = $"/{CertificateService.Descriptor.FullName}";

    private int _longCalls;

    /// <summary>Admits a call before the server reads its request. Calls by the Unix socket, which only root can open, are all admitted.</summary>
    /// <returns>The call's place among the streams and reports; null: it has none.</returns>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the connection has too many streams or reports.</exception>
    internal static IDisposable? Admit(HttpContext http)
    {
        IDictionary<object, object?>? items = http.Features.Get<IConnectionItemsFeature>()?.Items;
        if (http.Request.Path.StartsWithSegments(Certificates, StringComparison.Ordinal))
        {
            bool isAnonymous = items?.ContainsKey(JoinTurn.Key) == true;
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = isAnonymous ? LongestJoin : LongestRequest;
            return null;
        }

        return items?.TryGetValue(Key, out object? calls) == true ? ((AgentCalls)calls!).Enter() : null;
    }

    private Place Enter()
    {
        if (Interlocked.Increment(ref _longCalls) <= MostLongCalls) return new Place(this);
        Interlocked.Decrement(ref _longCalls);
        throw new RpcException(new Status(StatusCode.ResourceExhausted, $"the connection has {MostLongCalls} streams and reports already"));
    }

    private sealed class Place(AgentCalls calls) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref calls._longCalls);
    }
}
