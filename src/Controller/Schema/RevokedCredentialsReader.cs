using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads what a MeshConfig revokes.</summary>
internal static class RevokedCredentialsReader
{
    public static RevokedCredentials Read(FieldReader spec)
    {
        if (spec.Map("revoked") is not { } revoked) return RevokedCredentials.None;
        EquatableArray<SpiffeId> identities = revoked.List<SpiffeId>("identities", Identity);
        EquatableArray<CertificateSerial> serials = revoked.List<CertificateSerial>("serials", Serial);
        RequestRouteReader.Limit(revoked, "identities", identities.Count, RevokedCredentials.MostOfEach);
        RequestRouteReader.Limit(revoked, "serials", serials.Count, RevokedCredentials.MostOfEach);
        revoked.Done();
        return new() { Identities = identities, Serials = serials };
    }

    private static string? Identity(string text, out SpiffeId value)
    {
        value = null!;
        if (!SpiffeId.TryParse(text, out SpiffeId? id, out string? error)) return error;
        if (id.Path.Length == 0) return $"'{text}' is a trust domain: name one identity";
        if (id.IsOwn) return $"'{text}' is a part of the mesh itself: revoke a node with `culvert-controller node revoke`";
        value = id;
        return null;
    }

    private static string? Serial(string text, out CertificateSerial value) => CertificateSerial.TryParse(text, out value, out string? error) ? null : error;
}
