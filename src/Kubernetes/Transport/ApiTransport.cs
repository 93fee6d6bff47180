using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Culvert.Kubernetes.Authentication;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.RateLimiting;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// Sends requests: waits for the rate limit, proves who asks, comes back when the server asks for that, asks for new credentials once when it refuses them, and makes
/// an <see cref="ApiException"/> of everything that goes wrong. Safe for use by many threads.
/// </summary>
internal sealed class ApiTransport : IDisposable
{
    // A Status names causes; beyond that it is no Status.
    private const int LargestError = 1 << 20;
    private static readonly TimeSpan DefaultRetryAfter = TimeSpan.FromSeconds(1);

    private readonly ClusterConfiguration _configuration;
    private readonly KubernetesClientOptions _options;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _root;
    private readonly ServerTrust _trust;
    private readonly ConnectionFactory _factory;
    private readonly CredentialProvider _credentials;
    private readonly RequestLimiter _limiter;
    private readonly Lock _lock = new();
    private ConnectionSet? _connections;
    private bool _disposed;

    public ApiTransport(ClusterConfiguration configuration, KubernetesClientOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_configuration, _options, _metrics, _time, _logger) = (configuration, options, metrics, time, logger);
        _root = configuration.Server.GetLeftPart(UriPartial.Path).TrimEnd('/');
        _trust = new(configuration);
        _factory = new(configuration, options, _trust);
        _credentials = new(configuration, time, logger);
        _limiter = new(options.RequestsPerSecond, options.Burst, time);
        if (configuration.SkipTlsVerification) TransportLog.TlsNotVerified(logger, configuration.Origin, configuration.Server);
    }

    /// <summary>Sends a request and reads its answer.</summary>
    /// <exception cref="ApiException">It failed.</exception>
    public Task<ReadOnlyMemory<byte>> SendAsync(ApiRequest request, CancellationToken cancellationToken) =>
        RepeatAsync(request, async (response, deadline) =>
        {
            using (response)
            {
                Stream content = await response.Message.Content.ReadAsStreamAsync(deadline);
                return await BoundedReader.ReadAsync(content, _options.MaxResponseBytes, deadline)
                    ?? throw new ApiException(ApiFailure.BadResponse, $"{request.What}: the answer has more than {_options.MaxResponseBytes} bytes; ask for smaller pages");
            }
        }, cancellationToken);

    /// <summary>Sends a request whose answer has no end; the caller reads and disposes it.</summary>
    /// <exception cref="ApiException">It failed.</exception>
    public Task<ApiResponse> OpenAsync(ApiRequest request, CancellationToken cancellationToken) => RepeatAsync(request, (response, _) => Task.FromResult(response), cancellationToken);

    /// <summary>What a failure of a connection means.</summary>
    public ApiException Explain(ApiRequest request, Exception error)
    {
        string cause = error.GetBaseException().Message;
        if (error is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError })
        {
            return new(ApiFailure.Untrusted, $"{request.What}: {_configuration.Server.Authority} is not trusted: {_trust.Problem ?? cause}", error);
        }
        return new(ApiFailure.Unreachable, $"{request.What}: no connection to {_configuration.Server.Authority}, or it broke: {cause}", error);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }
        _connections?.Retire();
        _credentials.Dispose();
        _limiter.Dispose();
    }

    private async Task<T> RepeatAsync<T>(ApiRequest request, Func<ApiResponse, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        Credential? refused = null;
        for (int attempt = 1; ; attempt++)
        {
            _metrics.LimiterWaited(await _limiter.WaitAsync(cancellationToken));
            Credential credential = await _credentials.GetAsync(cancellationToken);
            TimeSpan wait;
            try
            {
                return await TryAsync(request, credential, use, cancellationToken);
            }
            catch (ApiException e) when (e.Failure == ApiFailure.Unauthorized && refused is null)
            {
                refused = credential;
                _credentials.Refuse(credential);
                if (await _credentials.GetAsync(cancellationToken) == credential) throw;
                continue;
            }
            catch (ApiException e) when (attempt <= _options.Retries && Delay(e) is { } delay)
            {
                wait = delay;
                TransportLog.RequestDelayed(_logger, delay.TotalSeconds, attempt, e.Message);
            }
            await Task.Delay(wait, _time, cancellationToken);
        }
    }

    /// <summary>How long to wait where the server has not begun with the request and asks to come back; null where the caller has to decide.</summary>
    private TimeSpan? Delay(ApiException e)
    {
        TimeSpan? wait = e.StatusCode switch
        {
            HttpStatusCode.TooManyRequests => e.RetryAfter ?? DefaultRetryAfter,
            HttpStatusCode.ServiceUnavailable => e.RetryAfter,
            _ => null,
        };
        return wait <= _options.LongestRetryAfter ? wait : null;
    }

    private async Task<T> TryAsync<T>(ApiRequest request, Credential credential, Func<ApiResponse, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            ApiResponse response = await SendOnceAsync(request, credential, either.Token);
            if (response.Message.IsSuccessStatusCode) return await use(response, either.Token);
            using (response) throw await ReadErrorAsync(request, response.Message, either.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            // Connecting has a limit of its own, which says so in an inner exception.
            throw new ApiException(ApiFailure.TimedOut, $"{request.What}: no answer of {_configuration.Server.Authority} in time", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Explain(request, e);
        }
    }

    private async Task<ApiResponse> SendOnceAsync(ApiRequest request, Credential credential, CancellationToken cancellationToken)
    {
        using HttpRequestMessage message = Compose(request, credential);
        ConnectionSet connections = Use(credential.Identity);
        long start = _time.GetTimestamp();
        string code = "canceled";
        try
        {
            HttpResponseMessage response = await connections.Invoker.SendAsync(message, cancellationToken);
            code = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
            return new ApiResponse(response, connections);
        }
        catch (Exception e)
        {
            if (e is HttpRequestException or IOException) code = e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } ? "untrusted" : "unreachable";
            connections.Release();
            throw;
        }
        finally
        {
            _metrics.Requested(request.Verb, request.Resource, code, _time.GetElapsedTime(start));
        }
    }

    private HttpRequestMessage Compose(ApiRequest request, Credential credential)
    {
        var message = new HttpRequestMessage(request.Method, _root + request.Path) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
        // What a certificate is compared with is the Host header's name.
        if (_configuration.TlsServerName is { } name) message.Headers.Host = name;
        message.Headers.UserAgent.ParseAdd(_options.UserAgent);
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (credential.Token is { } token) message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        Impersonation.Add(message.Headers, _configuration.Credentials);
        if (request.Body.Length > 0)
        {
            message.Content = new ReadOnlyMemoryContent(request.Body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(request.ContentType);
        }
        return message;
    }

    private ConnectionSet Use(ClientIdentity? identity)
    {
        while (true)
        {
            ConnectionSet connections;
            ConnectionSet? old = null;
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (_connections is null || _connections.Identity != identity) (old, _connections) = (_connections, _factory.Make(identity));
                connections = _connections;
            }
            old?.Retire();
            if (connections.TryUse()) return connections;
        }
    }

    private async Task<ApiException> ReadErrorAsync(ApiRequest request, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        Stream content = await response.Content.ReadAsStreamAsync(cancellationToken);
        ReadOnlyMemory<byte> body = await BoundedReader.ReadAsync(content, LargestError, cancellationToken) ?? default;
        return StatusReader.Read(request.What, response.StatusCode, body.Span, RetryAfter(response));
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        RetryConditionHeaderValue? header = response.Headers.RetryAfter;
        TimeSpan? wait = header?.Delta ?? header?.Date - _time.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
