using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Culvert.Kubernetes.Authentication;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.RateLimiting;
using k8s.Autorest;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// Sends requests with the package's client: waits for the rate limit, sends again when the server asks for that, asks for new credentials once when the server refuses them, and makes
/// an <see cref="ApiException"/> of each failure. Safe for use by many threads.
/// </summary>
internal sealed class ApiTransport : IDisposable
{
    private static readonly TimeSpan DefaultRetryAfter = TimeSpan.FromSeconds(1);

    private readonly ClusterConfiguration _configuration;
    private readonly KubernetesClientOptions _options;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
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
        _trust = new(configuration);
        _credentials = new(configuration, time, logger);
        _factory = new(configuration, options, _trust, _credentials);
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
            return await use(await SendOnceAsync(request, credential, either.Token), either.Token);
        }
        catch (HttpOperationException e)
        {
            throw Read(request, e.Response);
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
        ConnectionSet connections = Use(credential.Identity);
        long start = _time.GetTimestamp();
        string code = "canceled";
        try
        {
            HttpResponseMessage response = await request.Send(connections.Client, cancellationToken);
            code = CodeOf(response.StatusCode);
            return new ApiResponse(response, connections);
        }
        catch (Exception e)
        {
            code = e switch
            {
                HttpOperationException refused => CodeOf(refused.Response.StatusCode),
                HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => "untrusted",
                HttpRequestException or IOException => "unreachable",
                _ => code,
            };
            connections.Release();
            throw;
        }
        finally
        {
            _metrics.Requested(request.Verb, request.Resource, code, _time.GetElapsedTime(start));
        }
    }

    private static string CodeOf(HttpStatusCode code) => ((int)code).ToString(CultureInfo.InvariantCulture);

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

    private ApiException Read(ApiRequest request, HttpResponseMessageWrapper response) =>
        StatusReader.Read(request.What, response.StatusCode, Encoding.UTF8.GetBytes(response.Content ?? ""), RetryAfter(response));

    private TimeSpan? RetryAfter(HttpResponseMessageWrapper response)
    {
        if (!response.Headers.TryGetValue("Retry-After", out IEnumerable<string>? values)) return null;
        if (!RetryConditionHeaderValue.TryParse(values.FirstOrDefault(), out RetryConditionHeaderValue? header)) return null;
        TimeSpan? wait = header.Delta ?? header.Date - _time.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
