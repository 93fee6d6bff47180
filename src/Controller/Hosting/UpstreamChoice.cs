using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.CertManager;
using Culvert.Controller.Identity.Upstream.Vault;

namespace Culvert.Controller.Hosting;

/// <summary>The upstream authority that was chosen; nulls: none of these.</summary>
/// <param name="Files">One in files.</param>
/// <param name="Vault">One in Vault.</param>
/// <param name="CertManager">An issuer of cert-manager.</param>
/// <param name="Option">The option that chose it; null: none did.</param>
internal sealed record UpstreamChoice(DiskOptions? Files, VaultOptions? Vault, CertManagerOptions? CertManager, string? Option);
