using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Transport;

/// <summary>Headers that name whom to act as, where a kubeconfig does.</summary>
internal static class Impersonation
{
    /// <summary>The headers; null where nobody is named.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>>? Headers(CredentialSettings settings)
    {
        if (settings.ImpersonateUser is not { } user) return null;
        var headers = new Dictionary<string, IReadOnlyList<string>>(StringComparer.OrdinalIgnoreCase) { ["Impersonate-User"] = [user] };
        if (settings.ImpersonateUid is { } uid) headers["Impersonate-Uid"] = [uid];
        if (settings.ImpersonateGroups.Count > 0) headers["Impersonate-Group"] = settings.ImpersonateGroups;
        foreach (IGrouping<string, string> extra in settings.ImpersonateExtra.GroupBy(e => e.Key, e => e.Value, StringComparer.Ordinal))
        {
            headers[$"Impersonate-Extra-{Uri.EscapeDataString(extra.Key)}"] = [.. extra];
        }
        return headers;
    }
}
