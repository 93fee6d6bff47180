using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Culvert.Interop.Native;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tests.Support;
using Tmds.Linux;

namespace Culvert.Interop.Tests.Abi;

/// <summary>Hand-written constants and layouts of sockets, epoll and OpenSSL, against the C compiler.</summary>
public sealed class SocketAndTlsAbiTests
{
    private static readonly string[] SocketHeaders =
        ["<errno.h>", "<time.h>", "<sys/socket.h>", "<sys/epoll.h>", "<sys/eventfd.h>", "<netinet/in.h>", "<netinet/tcp.h>"];

    private static readonly string[] Prefixes = ["AF_", "SOCK_", "MSG_", "SO_", "SOL_", "IPPROTO_", "IP_", "IPV6_", "TCP_", "EPOLL_", "EFD_"];

    // Linux 6.3, 6.15 and 6.5; the headers of older distributions do not have them, and kernels without them refuse them.
    private static readonly string[] NewerThanHeaders = [nameof(Libc.IP_LOCAL_PORT_RANGE), nameof(Libc.TCP_RTO_MIN_US), nameof(Libc.SO_PEERPIDFD)];

    [Fact]
    public void SocketConstantsAreTheCompilers() => Compare(
        Constants(typeof(Libc)).Where(c => Prefixes.Any(p => c.Key.StartsWith(p, StringComparison.Ordinal)) && !NewerThanHeaders.Contains(c.Key)), SocketHeaders);

    [Fact]
    public void OpenSslConstantsAreTheCompilers() => Compare(
        Constants(typeof(OpenSsl)), ["<openssl/ssl.h>", "<openssl/x509v3.h>", "<openssl/bio.h>"]);

    [Fact]
    public void NftablesConstantsAreTheCompilers() => Compare(Constants(typeof(Libnftables)), ["<nftables/libnftables.h>"]);

    [Fact]
    public void SocketErrorNumbersAreTheCompilers() => Compare(
        new Dictionary<string, long>(StringComparer.Ordinal)
        {
            ["EAGAIN"] = (long)SocketErrno.WouldBlock,
            ["EMFILE"] = (long)SocketErrno.ProcessDescriptorLimit,
            ["ENFILE"] = (long)SocketErrno.SystemDescriptorLimit,
            ["EPIPE"] = (long)SocketErrno.BrokenPipe,
            ["EADDRINUSE"] = (long)SocketErrno.AddressInUse,
            ["EADDRNOTAVAIL"] = (long)SocketErrno.AddressNotAvailable,
            ["ENETUNREACH"] = (long)SocketErrno.NetworkUnreachable,
            ["ECONNABORTED"] = (long)SocketErrno.ConnectionAborted,
            ["ECONNRESET"] = (long)SocketErrno.ConnectionReset,
            ["ENOBUFS"] = (long)SocketErrno.NoBuffers,
            ["ETIMEDOUT"] = (long)SocketErrno.TimedOut,
            ["ECONNREFUSED"] = (long)SocketErrno.ConnectionRefused,
            ["EHOSTUNREACH"] = (long)SocketErrno.HostUnreachable,
            ["EINPROGRESS"] = (long)SocketErrno.InProgress,
            ["EPOLLIN"] = (long)EpollEvents.Readable,
            ["EPOLLOUT"] = (long)EpollEvents.Writable,
            ["EPOLLERR"] = (long)EpollEvents.Error,
            ["EPOLLHUP"] = (long)EpollEvents.HangUp,
            ["EPOLLRDHUP"] = (long)EpollEvents.PeerShutdown,
            ["(unsigned)EPOLLET"] = (long)EpollEvents.EdgeTriggered,
            ["SHUT_WR"] = (long)ShutdownDirection.Write,
        },
        SocketHeaders);

    [Fact]
    public void LayoutsAreTheCompilers() => Compare(
        new Dictionary<string, long>(StringComparer.Ordinal)
        {
            ["sizeof(struct epoll_event)"] = EpollBuffer.EventSize,
            ["offsetof(struct epoll_event, data)"] = EpollBuffer.DataOffset,
            ["sizeof(struct linger)"] = Unsafe.SizeOf<linger>(),
            ["sizeof(struct sockaddr_in6)"] = SocketAddressCodec.MaxSize,
            ["offsetof(struct sockaddr_in6, sin6_addr)"] = 8,
            ["offsetof(struct sockaddr_in, sin_addr)"] = 4,
            ["sizeof(struct tm)"] = Unsafe.SizeOf<OpenSsl.BrokenDownTime>(),
        },
        SocketHeaders);

    private static void Compare(IEnumerable<KeyValuePair<string, long>> expected, string[] headers)
    {
        Dictionary<string, long> ours = new(expected, StringComparer.Ordinal);
        Assert.NotEmpty(ours);
        Assert.Equal(ours, CProbe.Evaluate(headers, ours.Keys).ToDictionary(StringComparer.Ordinal));
    }

    private static IEnumerable<KeyValuePair<string, long>> Constants(Type type) =>
        from field in type.GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
        where field.IsLiteral && field.FieldType != typeof(string)
        select KeyValuePair.Create(field.Name, Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));
}
