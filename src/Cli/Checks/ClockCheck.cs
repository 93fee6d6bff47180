using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop;

namespace Culvert.Cli.Checks;

/// <summary>Whether the clock can be trusted: certificates that last hours are worthless on a machine that is hours off.</summary>
internal static class ClockCheck
{
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(30);

    /// <summary>Whether a text is HOST:PORT: a name, an IPv4 address or an IPv6 address in brackets, and a port.</summary>
    public static bool IsHostAndPort(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
        {
            return false;
        }

        var host = text[..colon];
        return host is ['[', .. var address, ']'] ? Uri.CheckHostName(address) == UriHostNameType.IPv6 : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;
    }

    public static async Task<IReadOnlyList<Finding>> RunAsync(string? controller, CancellationToken cancellationToken)
    {
        var findings = new List<Finding> { Synchronised() };
        if (controller is not null)
        {
            findings.Add(await CompareAsync(controller, cancellationToken));
        }

        return findings;
    }

    private static Finding Synchronised() => KernelClock.IsSynchronized
        ? Finding.Ok("clock", "the kernel's clock is synchronised")
        : Finding.Warning("clock", "nothing synchronises the kernel's clock", "run chrony or systemd-timesyncd; certificates are refused when clocks differ by minutes");

    // The controller speaks HTTP/2 alone, and TLS 1.3 with ALPN. Any answer carries the other side's time, whatever its status; the certificate is not checked here.
    private static async Task<Finding> CompareAsync(string controller, CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler();
#pragma warning disable CA5359 // Nothing but a Date header is read, and nothing is sent.
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        using var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(5) };
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"https://{controller}/")) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        try
        {
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (answer.Headers.Date is not { } date)
            {
                return Finding.Warning("clock", $"{controller} did not say its time", "compare the clocks by hand");
            }

            var skew = TimeProvider.System.GetUtcNow() - date;
            return skew.Duration() <= Tolerance
                ? Finding.Ok("clock", $"within {Tolerance.TotalSeconds:0} s of {controller}")
                : Finding.Error("clock", $"{skew.TotalSeconds:0} s away from {controller}", "synchronise both clocks, for example with chrony");
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or TaskCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Finding.Error("controller", $"{controller} cannot be reached: {(e.InnerException ?? e).Message}", "check its address, and that it runs");
        }
    }
}
