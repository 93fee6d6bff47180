using Culvert.Core;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Where another trust domain tells its bundle (SPIFFE Federation, section 5). Immutable.</summary>
/// <param name="Url">The URL.</param>
/// <param name="Server">Who the server has to be (profile https_spiffe); null: whom the authorities of the web certify for the URL's host (https_web).</param>
/// <param name="WebRoots">A file with the authorities of the web in PEM, in place of the system's; null: the system's.</param>
internal sealed record BundleEndpoint(Uri Url, SpiffeId? Server, string? WebRoots)
{
    /// <summary>What is wrong with a URL, or null.</summary>
    public static string? CheckUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out Uri? url) ? CheckUrl(url) : $"'{text}' is no URL";

    /// <inheritdoc cref="CheckUrl(string)"/>
    public static string? CheckUrl(Uri url)
    {
        if (url.Scheme != Uri.UriSchemeHttps) return $"'{url}' does not begin with https://";
        if (url.UserInfo.Length > 0) return "has a user name or password in it, which endpoints never ask for";
        return url.Host.Length == 0 ? $"'{url}' names no host" : null;
    }
}
