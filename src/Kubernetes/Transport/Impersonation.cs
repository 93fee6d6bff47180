using System.Net.Http.Headers;
using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Transport;

/// <summary>Says who to act as, where a kubeconfig does.</summary>
internal static class Impersonation
{
    public static void Add(HttpRequestHeaders headers, CredentialSettings settings)
    {
        if (settings.ImpersonateUser is not { } user) return;
        headers.TryAddWithoutValidation("Impersonate-User", user);
        if (settings.ImpersonateUid is { } uid) headers.TryAddWithoutValidation("Impersonate-Uid", uid);
        foreach (string group in settings.ImpersonateGroups) headers.TryAddWithoutValidation("Impersonate-Group", group);
        foreach ((string key, string value) in settings.ImpersonateExtra) headers.TryAddWithoutValidation($"Impersonate-Extra-{Uri.EscapeDataString(key)}", value);
    }
}
