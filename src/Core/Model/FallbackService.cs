namespace Culvert.Core;

/// <summary>Who is asked where a Service port has no backend that may be: none that is ready, or all are left out.</summary>
/// <param name="Service">The Service, of the same namespace.</param>
/// <param name="Port">Its port.</param>
public sealed record FallbackService(NamespacedName Service, ushort Port);
