using System.Buffers.Text;
using System.Text;
using Culvert.Controller.Attestation.Kubernetes;

namespace Culvert.Controller.Tests;

/// <summary>Service account tokens that nobody has signed.</summary>
internal static class Tokens
{
    /// <summary>One of an account.</summary>
    /// <param name="subject">The account as an API server names it.</param>
    /// <param name="audience">Whom it is for.</param>
    /// <param name="end">Until when it is good; null: for an hour.</param>
    public static string Of(string subject, string audience = KubernetesAttestorOptions.DefaultAudience, DateTimeOffset? end = null) =>
        $"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"aud":["{{audience}}"],"sub":"{{subject}}","exp":{{(end ?? DateTimeOffset.UtcNow.AddHours(1)).ToUnixTimeSeconds()}} }"""))}.c2ln";
}
