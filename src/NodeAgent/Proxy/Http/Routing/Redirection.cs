using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Answers of routes that send clients elsewhere.</summary>
internal static class Redirection
{
    /// <summary>The fields of one.</summary>
    /// <param name="request">The request; its path is normal.</param>
    /// <param name="hit">A rule with a redirect.</param>
    /// <param name="port">The port that the client has connected to.</param>
    /// <param name="now">When.</param>
    internal static HeaderList Of(HeaderList request, HttpRouteHit hit, ushort port, DateTimeOffset now)
    {
        HttpRedirect redirect = hit.Rule.Filters.Redirect!;
        HeaderList fields = new();
        return fields.AddStatus(redirect.Status)
            .AddDate(now)
            .Add("location"u8, Encoding.UTF8.GetBytes(LocationOf(redirect, hit.PrefixLength, request, port)))
            .Add("content-length"u8, "0"u8);
    }

    private static string LocationOf(HttpRedirect redirect, int prefixLength, HeaderList request, ushort connectedPort)
    {
        string asked = Encoding.Latin1.GetString(StreamRequestForm.HostOf(request));
        int colon = asked.LastIndexOf(':');
        bool hasPort = colon > asked.LastIndexOf(']') && ushort.TryParse(asked.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        string host = redirect.Host ?? (hasPort ? asked[..colon] : asked), scheme = redirect.Scheme ?? "http";
        int port = redirect.Port ?? (redirect.Scheme is { } other ? DefaultPort(other) : hasPort ? ushort.Parse(asked.AsSpan(colon + 1), CultureInfo.InvariantCulture) : connectedPort);
        ReadOnlySpan<byte> target = request.Path;
        byte[] room = new byte[PathChanges.RoomFor(redirect.Path, target)];
        string path = Encoding.UTF8.GetString(room, 0, PathChanges.Write(redirect.Path, prefixLength, target, room));
        return $"{scheme}://{host}{(port == DefaultPort(scheme) ? "" : string.Create(CultureInfo.InvariantCulture, $":{port}"))}{path}";
    }

    private static int DefaultPort(string scheme) => scheme == "https" ? 443 : 80;
}
