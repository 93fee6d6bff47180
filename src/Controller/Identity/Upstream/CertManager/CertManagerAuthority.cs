using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Upstream.CertManager;

/// <summary>
/// An issuer of cert-manager, which certifies what a CertificateRequest asks for. The request is deleted when it is answered, and when it is not. Called by one at a time.
/// </summary>
internal sealed class CertManagerAuthority(CertManagerOptions options, IKubernetesClient client, TimeProvider time, ILogger logger) : IUpstreamAuthority
{
    private const string RequestPrefix = "culvert-controller-";
    private const string True = "True", False = "False";

    // A cluster that is asked to forget a request while the controller ends.
    private static readonly TimeSpan Cleaning = TimeSpan.FromSeconds(5);

    private readonly IResourceClient<CertificateRequestObject> _requests = client.Resource(CertificateRequestObject.Type);

    /// <inheritdoc/>
    public string Place => $"The {options.Kind} {Name} of cert-manager";

    /// <inheritdoc/>
    public string? TrustDomain => null;

    private string Name => options.Kind == CertManagerOptions.DefaultKind ? options.Issuer.ToString() : options.Issuer.Name;

    /// <inheritdoc/>
    public async Task<UpstreamState> ReadAsync(CancellationToken cancellationToken) => new(await PemFile.ReadRootsAsync(options.Roots, cancellationToken), Signer: Place);

    /// <inheritdoc/>
    public async Task<ImmutableArray<ReadOnlyMemory<byte>>> CertifyAsync(ECDsa key, string name, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        ImmutableArray<ReadOnlyMemory<byte>> roots = await PemFile.ReadRootsAsync(options.Roots, cancellationToken);
        HashSet<string> known = [.. roots.Select(CertificateFingerprint.Of)];
        using CancellationTokenSource patience = new(options.Deadline, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        CertificateRequestObject? made = null, last = null;
        try
        {
            made = last = await _requests.CreateAsync(Request(key, name, lifetime), null, either.Token);
            while (true)
            {
                if (CertificateOf(last) is { } pem) return [.. PemFile.Certificates(Encoding.ASCII.GetString(pem)).Where(c => !known.Contains(CertificateFingerprint.Of(c)))];
                last = await NextAsync(last, either.Token);
            }
        }
        catch (OperationCanceledException e) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new AuthorityException(AuthorityFailure.Unavailable, $"{Place} has not answered {made?.Metadata.Name} within {options.Deadline.TotalSeconds} s{Waiting(last)}.", e);
        }
        catch (ApiException e)
        {
            throw new AuthorityException(e.IsTransient ? AuthorityFailure.Unavailable : AuthorityFailure.Misconfigured, $"{Place} can't be asked: {RemedyOf(e)}{e.Message}.", e);
        }
        catch (CryptographicException e)
        {
            throw new AuthorityException(AuthorityFailure.Unavailable, $"{Place} answered with what is no certificate: {e.Message}", e);
        }
        finally
        {
            if (made is not null) await ForgetAsync(made.Metadata.ResourceName);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private CertificateRequestObject Request(ECDsa key, string name, TimeSpan lifetime) => new()
    {
        Metadata = new() { GenerateName = RequestPrefix, NamespaceProperty = options.Issuer.Namespace },
        Spec = new(
            Encoding.ASCII.GetBytes(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem()),
            new(options.Issuer.Name, options.Kind, options.Group),
            string.Create(CultureInfo.InvariantCulture, $"{(long)lifetime.TotalSeconds}s"),
            IsCA: true,
            ["cert sign", "crl sign"]),
    };

    /// <summary>The certificate, if it is there; throws where there will be none.</summary>
    private byte[]? CertificateOf(CertificateRequestObject request)
    {
        CertificateRequestStatus status = request.Status ?? new();
        foreach (CertificateRequestCondition condition in status.Conditions)
        {
            if (condition is { Type: "Denied" or "InvalidRequest", Status: True }) throw Refused(condition);
            if (condition is { Type: "Ready", Status: False, Reason: "Failed" or "Denied" }) throw Refused(condition);
            if (condition is { Type: "Ready", Status: True } && status.Certificate is { Length: > 0 } certificate) return certificate;
        }
        return null;
    }

    /// <summary>The same request after something has changed of it.</summary>
    private async Task<CertificateRequestObject> NextAsync(CertificateRequestObject request, CancellationToken cancellationToken)
    {
        WatchOptions watch = new() { Namespace = request.Metadata.NamespaceProperty!, FieldSelector = $"metadata.name={request.Metadata.Name}", ResourceVersion = request.Metadata.ResourceVersion };
        try
        {
            await foreach (WatchEvent<CertificateRequestObject> seen in _requests.WatchAsync(watch, cancellationToken))
            {
                if (seen is { Type: WatchEventType.Added or WatchEventType.Modified, Item: { } item }) return item;
                if (seen.Type == WatchEventType.Deleted) throw new AuthorityException(AuthorityFailure.Unavailable, $"{Place} has not answered: somebody has deleted the CertificateRequest {request.Metadata.ResourceName}.");
            }
        }
        catch (ApiException e) when (e.Failure == ApiFailure.Expired)
        {
            // As below.
        }
        return await _requests.GetAsync(request.Metadata.ResourceName, cancellationToken);
    }

    private async Task ForgetAsync(ResourceName request)
    {
        using CancellationTokenSource patience = new(Cleaning, time);
        try
        {
            await _requests.DeleteIfThereAsync(request, null, patience.Token);
        }
        catch (Exception e) when (e is ApiException or OperationCanceledException)
        {
            UpstreamLog.NotForgotten(logger, request.ToString(), e.Message);
        }
    }

    private AuthorityException Refused(CertificateRequestCondition condition) =>
        new(AuthorityFailure.Misconfigured, $"{Place} does not certify an authority: {condition.Type} ({condition.Reason}): {condition.Message}");

    private static string Waiting(CertificateRequestObject? request) => request?.Status?.Conditions is { Count: > 0 } conditions
        ? $" ({string.Join("; ", conditions.Select(c => $"{c.Type} {c.Status}: {c.Message}"))})"
        : "; does cert-manager run, and is the issuer there?";

    private static string RemedyOf(ApiException e) => e.Failure == ApiFailure.NotFound ? "cert-manager is not installed, or the namespace is not there; " : RoleRemedy.Of(e);
}
