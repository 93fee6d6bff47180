using System.Buffers;
using System.Text;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Makes of a head what a route's filters say, in a list of its own: what came stays as it was, so that it can be sent again. Used for one message after the other; belongs to its loop's thread.</summary>
internal sealed class HeadChanges
{
    private const int RoomOnStack = 512;

    private readonly HeaderList _changed = new();

    /// <summary>A request as its server gets it.</summary>
    /// <param name="request">The request; its path is normal.</param>
    /// <param name="hit">The rule that has it.</param>
    /// <param name="backend">Where it goes.</param>
    /// <returns>The request itself when nothing is changed; else a list that is valid until the next call.</returns>
    internal HeaderList OfRequest(HeaderList request, HttpRouteHit? hit, HttpRouteBackend? backend)
    {
        HeaderChanges first = hit?.Rule.Filters.RequestHeaders ?? HeaderChanges.None, second = backend?.Filters.RequestHeaders ?? HeaderChanges.None;
        HttpRewrite? rewrite = hit?.Rule.Filters.Rewrite;
        if (first.IsEmpty && second.IsEmpty && rewrite is null) return request;
        _changed.Clear();
        bool hasHost = rewrite?.Host is null || !request.Authority.IsEmpty;
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (!hasHost && field.Name[0] != ':')
            {
                Add(":authority"u8, rewrite!.Host!);
                hasHost = true;
            }

            if (rewrite?.Host is { } host && field.Name.SequenceEqual(":authority"u8)) Add(field.Name, host);
            else if (rewrite?.Path is { } path && field.Name.SequenceEqual(":path"u8)) AddPath(path, hit!.PrefixLength, field.Value);
            else if (!(rewrite?.Host is not null && field.Name.SequenceEqual("host"u8))) _changed.Add(field.Name, field.Value, field.NeverIndexed);
        }

        if (!hasHost) Add(":authority"u8, rewrite!.Host!);
        Apply(first);
        Apply(second);
        return _changed;
    }

    /// <summary>A response as its client gets it.</summary>
    /// <param name="response">The response.</param>
    /// <param name="direction">What was found for its request.</param>
    /// <returns>As <see cref="OfRequest"/>.</returns>
    internal HeaderList OfResponse(HeaderList response, in RequestDirection direction)
    {
        HttpRouteFilters rule = direction.Hit?.Rule.Filters ?? HttpRouteFilters.None;
        HeaderChanges first = direction.Backend?.Filters.ResponseHeaders ?? HeaderChanges.None, second = rule.ResponseHeaders;
        if (first.IsEmpty && second.IsEmpty && rule.Cors is null && direction.Route.NewCookie is null) return response;
        _changed.Clear();
        _changed.AddRange(response);
        Apply(first);
        Apply(second);
        if (direction.Route.NewCookie is { } cookie && !SetsCookie(response, cookie.AsSpan(0, cookie.IndexOf('=', StringComparison.Ordinal) + 1))) Add("set-cookie"u8, cookie);
        if (rule.Cors is { } cors) CorsHeaders.Replace(_changed, cors, direction.AllowedOrigin);
        return _changed;
    }

    // The application's own counts.
    private static bool SetsCookie(HeaderList response, ReadOnlySpan<char> beginning)
    {
        for (int i = 0; i < response.Count; i++)
        {
            HeaderView field = response[i];
            if (field.Name.SequenceEqual("set-cookie"u8) && field.Value.Length >= beginning.Length && Ascii.Equals(field.Value[..beginning.Length], beginning)) return true;
        }

        return false;
    }

    private void Apply(HeaderChanges changes)
    {
        if (changes.IsEmpty) return;
        foreach (string name in changes.Remove) Remove(name);
        foreach (HeaderValue header in changes.Set) Remove(header.Name);
        foreach (HeaderValue header in changes.Set) Add(header);
        foreach (HeaderValue header in changes.Add) Add(header);
    }

    private void Remove(string name)
    {
        Span<byte> room = stackalloc byte[RoomOnStack];
        _changed.Remove(room[..Encoding.ASCII.GetBytes(name, room)]);
    }

    private void Add(HeaderValue header)
    {
        Span<byte> room = stackalloc byte[RoomOnStack];
        Add(room[..Encoding.ASCII.GetBytes(header.Name, room)], header.Value);
    }

    private void Add(ReadOnlySpan<byte> name, string value)
    {
        int most = Encoding.UTF8.GetMaxByteCount(value.Length);
        byte[]? rented = most > RoomOnStack ? ArrayPool<byte>.Shared.Rent(most) : null;
        Span<byte> room = rented ?? stackalloc byte[RoomOnStack];
        _changed.Add(name, room[..Encoding.UTF8.GetBytes(value, room)]);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }

    private void AddPath(PathChange change, int prefixLength, ReadOnlySpan<byte> target)
    {
        byte[] room = ArrayPool<byte>.Shared.Rent(PathChanges.RoomFor(change, target));
        _changed.Add(":path"u8, room.AsSpan(0, PathChanges.Write(change, prefixLength, target, room)));
        ArrayPool<byte>.Shared.Return(room);
    }
}
