using System.Buffers;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Paths of requests as they are compared, and as servers get them. Allocates nothing.</summary>
internal static class RequestPath
{
    /// <summary>A target without its query.</summary>
    internal static ReadOnlySpan<byte> WithoutQuery(ReadOnlySpan<byte> target)
    {
        int query = target.IndexOf((byte)'?');
        return query < 0 ? target : target[..query];
    }

    /// <summary>Makes a request's path normal (<see cref="HttpPath.TryNormalize"/>).</summary>
    /// <param name="request">The request's head.</param>
    /// <returns>False when no server should be asked for it.</returns>
    internal static bool TryNormalize(HeaderList request)
    {
        ReadOnlySpan<byte> path = WithoutQuery(request.Path);
        if (HttpPath.IsPlain(path)) return true;
        byte[] room = ArrayPool<byte>.Shared.Rent(request.Path.Length);
        try
        {
            return TryNormalize(request, path, room);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(room);
        }
    }

    /// <summary>The same, with room that is at hand.</summary>
    /// <param name="request">The request's head.</param>
    /// <param name="path">Its path without the query.</param>
    /// <param name="room">As long as path and query.</param>
    internal static bool TryNormalize(HeaderList request, ReadOnlySpan<byte> path, Span<byte> room)
    {
        if (!HttpPath.TryNormalize(path, room, out int length)) return false;
        ReadOnlySpan<byte> query = request.Path[path.Length..];
        if (length == path.Length && path.SequenceEqual(room[..length])) return true;
        query.CopyTo(room[length..]);
        request.ReplacePath(room[..(length + query.Length)]);
        return true;
    }
}
