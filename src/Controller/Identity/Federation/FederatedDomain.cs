namespace Culvert.Controller.Identity.Federation;

/// <summary>A trust domain that the mesh is to be federated with. Immutable.</summary>
/// <param name="TrustDomain">Its name.</param>
/// <param name="Endpoint">Where its bundle is asked for; null: nowhere, the file says it all.</param>
/// <param name="BundlePath">A file with its bundle, by which it is known at first, and again when the file changes; null: none.</param>
internal sealed record FederatedDomain(string TrustDomain, BundleEndpoint? Endpoint, string? BundlePath);
