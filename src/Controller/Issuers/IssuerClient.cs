using System.Net;
using System.Net.Sockets;
using Culvert.Core;

namespace Culvert.Controller.Issuers;

/// <summary>Reads keys from a URL: bounded in time and bytes, without redirects, proxies or cookies, and of addresses that may be asked only, which is looked at when the connection is made. Safe for any number of threads.</summary>
internal sealed class IssuerClient : IDisposable
{
    private const int MostReason = 200;

    private readonly IssuerKeyOptions _options;
    private readonly HttpClient _client;

    public IssuerClient(IssuerKeyOptions options)
    {
        _options = options;
        SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, MaxResponseHeadersLength = 16, PooledConnectionLifetime = TimeSpan.FromMinutes(1), ConnectCallback = ConnectAsync };
        _client = new HttpClient(handler) { MaxResponseContentBufferSize = JsonWebKeys.MostBytes, Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.Add("accept", "application/jwk-set+json, application/json");
    }

    /// <summary>Reads them.</summary>
    /// <returns>The keys; or why there are none.</returns>
    public async Task<(EquatableArray<JwtKey> Keys, string? Error)> ReadAsync(string uri, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.Patience);
        try
        {
            using HttpResponseMessage response = await _client.GetAsync(uri, patience.Token);
            if (response.StatusCode != HttpStatusCode.OK) return ([], $"the answer is {(int)response.StatusCode}{((int)response.StatusCode is >= 300 and < 400 ? ", and redirects are not followed" : "")}");
            byte[] text = await response.Content.ReadAsByteArrayAsync(patience.Token);
            return JsonWebKeys.TryRead(text, out EquatableArray<JwtKey> keys, out _) is { } error ? ([], $"the answer {error}") : (keys, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ([], $"there was no answer within {_options.Patience.TotalSeconds:0.#} s");
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            return ([], $"the answer is longer than {JsonWebKeys.MostBytes} bytes, or its head is too long");
        }
        catch (Exception exception) when (exception is not (OutOfMemoryException or OperationCanceledException))
        {
            // Whatever one URL leads to, the others are read.
            string reason = string.Concat((exception.InnerException?.Message ?? exception.Message).Where(c => !char.IsControl(c)));
            return ([], reason.Length <= MostReason ? reason : reason[..MostReason]);
        }
    }

    public void Dispose() => _client.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        DnsEndPoint asked = context.DnsEndPoint;
        IPAddress[] all = await Dns.GetHostAddressesAsync(asked.Host, cancellationToken), allowed = [.. all.Where(a => _options.AllowsLocal || IssuerAddresses.IsAllowed(a))];
        if (allowed.Length == 0) throw new IOException($"{asked.Host} leads to this machine or its link only, which is not asked for keys");
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, asked.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
