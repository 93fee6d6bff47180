using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Culvert.Interop.Tests.Support;
using Culvert.Tests.Shared;
using Tmds.Linux;

namespace Culvert.Interop.Tests.Abi;

/// <summary>What Interop takes of Tmds.LibC, a package of 2020, against the C compiler and the C library that are here.</summary>
public sealed partial class TmdsLibCTests
{
    private static readonly string[] Headers =
    [
        "<poll.h>", "<sched.h>", "<fcntl.h>", "<sys/mount.h>", "<sys/mman.h>", "<sys/stat.h>", "<sys/socket.h>", "<sys/epoll.h>", "<sys/eventfd.h>",
        "<netinet/in.h>", "<netinet/tcp.h>", "<linux/netlink.h>",
    ];

    [Fact]
    public void EveryNumberThatIsUsedIsTheCompilers()
    {
        Dictionary<string, long> ours = Directory.GetFiles(Repository.PathOf("src/Interop"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(f => Used().Matches(File.ReadAllText(f)))
            .Select(m => m.Groups[1].Value).Distinct(StringComparer.Ordinal)
            .ToDictionary(n => n, ValueOf, StringComparer.Ordinal);
        Assert.True(ours.Count >= 60, $"{ours.Count} numbers were found.");
        IReadOnlyDictionary<string, long> actual = CProbe.Evaluate(Headers, ours.Keys);
        Assert.All(ours, e => Assert.True(actual[e.Key] == e.Value, $"{e.Key} is {actual[e.Key]} in C, {e.Value} in the package"));
    }

    [Fact]
    public void LayoutsAreTheCompilers()
    {
        Dictionary<string, long> ours = new(StringComparer.Ordinal)
        {
            ["sizeof(struct statx)"] = Unsafe.SizeOf<statx>(),
            ["offsetof(struct statx, stx_uid)"] = (long)Marshal.OffsetOf<statx>("stx_uid"),
            ["offsetof(struct statx, stx_mode)"] = (long)Marshal.OffsetOf<statx>("stx_mode"),
            ["offsetof(struct statx, stx_ino)"] = (long)Marshal.OffsetOf<statx>("stx_ino"),
            ["sizeof(struct linger)"] = Unsafe.SizeOf<linger>(),
            ["sizeof(struct ucred)"] = Unsafe.SizeOf<ucred>(),
            ["sizeof(struct pollfd)"] = Unsafe.SizeOf<pollfd>(),
            ["sizeof(struct epoll_event)"] = Unsafe.SizeOf<epoll_event>(),
            ["sizeof(socklen_t)"] = Unsafe.SizeOf<socklen_t>(),
            ["sizeof(size_t)"] = Unsafe.SizeOf<size_t>(),
            ["sizeof(off_t)"] = Unsafe.SizeOf<off_t>(),
        };
        IReadOnlyDictionary<string, long> actual = CProbe.Evaluate(Headers, ours.Keys);
        Assert.All(ours, e => Assert.True(actual[e.Key] == e.Value, $"{e.Key} is {actual[e.Key]} in C, {e.Value} in the package"));
    }

    [Fact]
    public void ErrnoIsWhereTheRuntimeKeepsIt()
    {
        Marshal.SetLastPInvokeError(0);
        Assert.Equal(-1, LibC.close(-1));
        Assert.Equal((int)LibC.EBADF, Marshal.GetLastPInvokeError());
    }

    private static long ValueOf(string name)
    {
        object? value = typeof(LibC).GetProperty(name, BindingFlags.Public | BindingFlags.Static)?.GetValue(null);
        return value switch
        {
            null => throw new ArgumentException($"Tmds.LibC has no {name}.", nameof(name)),
            ulong_t word => checked((long)(ulong)word),
            mode_t mode => (ushort)mode,
            _ => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        };
    }

    [GeneratedRegex(@"\bLibC\.([A-Z][A-Z0-9_]+)\b")]
    private static partial Regex Used();
}
