using System.Text;
using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Changes of paths by routes.</summary>
internal static class PathChanges
{
    /// <summary>Writes what takes the place of a target; its query stays.</summary>
    /// <param name="change">The change; null: none.</param>
    /// <param name="prefixLength">How much of the path its rule has matched as a prefix.</param>
    /// <param name="target">Path and query.</param>
    /// <param name="room">Where to; as long as <see cref="RoomFor"/> says.</param>
    /// <returns>How long it is.</returns>
    internal static int Write(PathChange? change, int prefixLength, ReadOnlySpan<byte> target, Span<byte> room)
    {
        ReadOnlySpan<byte> path = RequestPath.WithoutQuery(target), query = target[path.Length..];
        if (change is null)
        {
            target.CopyTo(room);
            return target.Length;
        }

        int length = Encoding.UTF8.GetBytes(change.Value, room);
        if (change.IsPrefix)
        {
            // What is left begins with a slash, or is empty.
            ReadOnlySpan<byte> rest = path[Math.Min(prefixLength, path.Length)..];
            if (length > 0 && room[length - 1] == (byte)'/' && !(rest.IsEmpty && length == 1)) length--;
            rest.CopyTo(room[length..]);
            length += rest.Length;
        }

        if (length == 0) room[length++] = (byte)'/';
        query.CopyTo(room[length..]);
        return length + query.Length;
    }

    /// <summary>How much room that needs.</summary>
    internal static int RoomFor(PathChange? change, ReadOnlySpan<byte> target) => target.Length + 1 + (change is null ? 0 : Encoding.UTF8.GetMaxByteCount(change.Value.Length));
}
