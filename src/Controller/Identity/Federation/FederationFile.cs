using System.Collections.Immutable;
using System.Text;
using Culvert.Controller.Documents;
using Culvert.Controller.Files;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Identity.Federation;

/// <summary>The trust domains that a file names, one in each document. Immutable.</summary>
/// <param name="Domains">Those that can be used, each once.</param>
/// <param name="Broken">Names of those that can't, as far as they can be told: what was said of them before holds.</param>
/// <param name="IsWhole">Whether all could be named: otherwise there is no telling which are not in it any more.</param>
/// <param name="Errors">What is wrong, in order.</param>
internal sealed record FederationFile(ImmutableArray<FederatedDomain> Domains, ImmutableHashSet<string> Broken, bool IsWhole, ImmutableArray<SourceError> Errors)
{
    private const int MostBytes = 1 << 20;
    private const string Web = "https_web", Spiffe = "https_spiffe";

    /// <summary>Whether there is nothing in it, as of one that is being written.</summary>
    public bool IsEmpty => Domains.IsEmpty && Errors.IsEmpty;

    /// <summary>Reads one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="own">The mesh's own trust domain; null: not known yet.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidDataException">It can't be read at all; the message says which it is.</exception>
    public static async Task<FederationFile> ReadAsync(string path, string? own, CancellationToken cancellationToken)
    {
        try
        {
            return Read(path, Encoding.UTF8.GetString(await BoundedFile.ReadAsync(path, MostBytes, cancellationToken)), own);
        }
        catch (DocumentFormatException e)
        {
            throw new InvalidDataException($"{path}:{e.Line}: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} can't be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a text. A document that is wrong takes no other down.</summary>
    /// <param name="path">Its file, from which paths in it are told.</param>
    /// <param name="text">The text.</param>
    /// <param name="own">The mesh's own trust domain; null: not known yet.</param>
    /// <exception cref="DocumentFormatException">There are more than a mesh can be federated with.</exception>
    public static FederationFile Read(string path, string text, string? own)
    {
        Dictionary<string, FederatedDomain> domains = new(StringComparer.Ordinal);
        HashSet<string> broken = new(StringComparer.Ordinal);
        List<SourceError> found = [];
        bool isWhole = true;
        foreach (SourceDocument document in DocumentReader.Read(path, text, TrustBundle.MostFederated))
        {
            ErrorSink errors = new(new FileOrigin(path, document.Line));
            if (document.Value is MapNode map)
            {
                FieldReader fields = new(map, "", errors);
                string? name = fields.String("trustDomain", Names.TrustDomain, required: true);
                errors.Object = name ?? "";
                if (name is not null && name == own) fields.Fail("trustDomain", $"'{name}' is the mesh's own trust domain, which it can't be federated with");
                else if (name is not null && (domains.ContainsKey(name) || broken.Contains(name))) fields.Fail("trustDomain", $"'{name}' is there twice; the first counts");
                FederatedDomain domain = new(name ?? "", ReadEndpoint(fields, path), ReadPath(fields, "bundle", path));
                Check(fields, domain);
                fields.Done();
                if (!errors.HasErrors) domains.Add(domain.TrustDomain, domain);
                else if (name is not null && name != own && !domains.ContainsKey(name)) broken.Add(name);
                isWhole &= name is not null;
            }
            else
            {
                isWhole = false;
                errors.Add(document.Value is null ? document.ErrorLine : document.Line, "", document.Error ?? $"must be a mapping, not {document.Value!.Describe()}");
            }
            found.AddRange(errors.Errors);
        }
        return new([.. domains.Values.OrderBy(d => d.TrustDomain, StringComparer.Ordinal)], [.. broken], isWhole, SourceError.InOrder(found));
    }

    private static BundleEndpoint? ReadEndpoint(FieldReader fields, string path)
    {
        if (fields.Map("bundleEndpoint") is not { } endpoint) return null;
        string? url = endpoint.String("url", BundleEndpoint.CheckUrl, required: true);
        string? profile = endpoint.String("profile", p => p is Web or Spiffe ? null : $"'{p}' is not one of {Web}, {Spiffe}", required: true);
        SpiffeId? server = endpoint.Parsed<SpiffeId>("spiffeId", Server, required: profile == Spiffe);
        string? roots = ReadPath(endpoint, "webRoots", path);
        if (profile == Web && server is not null) endpoint.Fail("spiffeId", $"means something with profile {Spiffe} only: with {Web} the server is known by the URL's host");
        if (profile == Spiffe && roots is not null) endpoint.Fail("webRoots", $"means something with profile {Web} only");
        endpoint.Done();
        return url is null ? null : new(new Uri(url), server, roots);
    }

    private static void Check(FieldReader fields, FederatedDomain domain)
    {
        if (fields.Has("bundle") || domain.TrustDomain.Length == 0) return;
        if (!fields.Has("bundleEndpoint")) fields.Fail("bundleEndpoint", "is required, or 'bundle' with a file: where else does its bundle come from?");
        else if (domain.Endpoint?.Server is { } server && server.TrustDomain == domain.TrustDomain)
            fields.Fail("bundle", $"is required: the server is {server}, which only the bundle of {domain.TrustDomain} itself proves, so the first one has to be brought by a file");
    }

    private static string? ReadPath(FieldReader fields, string field, string from) =>
        fields.String(field, text => string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal) ? "must be the path of a file" : null) is { } path ? Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(from))!, path)) : null;

    private static string? Server(string text, out SpiffeId value)
    {
        value = null!;
        if (!SpiffeId.TryParse(text, out SpiffeId? id, out string? error)) return error;
        if (id.Path.Length == 0) return $"'{text}' is a trust domain: name the server's own identity";
        value = id;
        return null;
    }
}
