using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads specs.smi.nginx.com CircuitBreaker, as a TrafficPolicy that says the same: a backend with so many errors within <c>timeoutSeconds</c> is left out for as long, all of them at once where it comes to that,
/// and the fallback is asked then.
/// </summary>
internal static class NginxCircuitBreakerReader
{
    private const ushort DefaultPort = 80;

    /// <summary>Where a fallback is whose namespace is not said.</summary>
    private const string DefaultNamespace = "default";

    /// <summary>Reads one.</summary>
    public static TrafficPolicyObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string service = NginxDestination.Read(spec, meta, nameof(ObjectKind.CircuitBreaker));
        long? errors = spec.Integer("errors", 0, OutlierDetection.MostErrors, required: true);
        long? seconds = spec.Integer("timeoutSeconds", 1, (long)OutlierDetection.LongestEjection.TotalSeconds, required: true);
        FallbackService? fallback = spec.Map("fallback") is { } reader ? ReadFallback(reader, meta) : null;
        spec.Done();
        if (errors == 0) spec.Note("errors", "is 0: no backend is ever left out");
        TimeSpan time = TimeSpan.FromSeconds(seconds ?? 1);
        return new TrafficPolicyObject(meta, service, ObjectKind.CircuitBreaker)
        {
            Requests = new RequestSettings
            {
                Policy = meta.FullName,
                IsCircuitBreaker = true,
                Outliers = errors is > 0 ? new OutlierDetection((int)errors, time, 100) { Window = time } : null,
                Fallback = fallback,
            },
        };
    }

    private static FallbackService? ReadFallback(FieldReader fallback, ObjectMeta meta)
    {
        string? text = fallback.String("service", required: true);
        long port = fallback.Integer("port", 1, ushort.MaxValue) ?? DefaultPort;
        fallback.Done();
        if (text is null) return null;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        (string ns, string name) = slash < 0 ? (DefaultNamespace, text) : (text[..slash], text[(slash + 1)..]);
        string? error = Names.Subdomain(name) ?? (ns == meta.Namespace ? null
            : slash < 0 ? $"'{text}' is in namespace {DefaultNamespace}, and must be in that of the destination; write {meta.Namespace}/{text}" : $"'{ns}' is not the namespace of the destination, {meta.Namespace}");
        if (error is null) return new FallbackService(new NamespacedName(ns, name), (ushort)port);
        fallback.Fail("service", error);
        return null;
    }
}
