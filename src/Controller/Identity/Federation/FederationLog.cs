using Culvert.Controller.Schema;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Log messages about other trust domains.</summary>
internal static partial class FederationLog
{
    [LoggerMessage(LogEventIds.FederationFileNotRead, LogLevel.Error, "The file of --federation can't be used, which is tried every {Seconds} s; what it said last is in force: {Reason}")]
    public static partial void FileNotRead(ILogger logger, double seconds, string reason);

    [LoggerMessage(LogEventIds.FederationFileReadAgain, LogLevel.Information, "{Path} can be used again.")]
    public static partial void FileReadAgain(ILogger logger, string path);

    [LoggerMessage(LogEventIds.FederatedDomainRefused, LogLevel.Error, "A trust domain to federate with is not taken; others are, and what was said of it before holds: {Error}")]
    public static partial void Refused(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.FederatedDomainMended, LogLevel.Information, "This is mended, or not there any more: {Error}")]
    public static partial void Mended(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.DomainFederated, LogLevel.Information, "The mesh is to be federated with {TrustDomain}, whose bundle comes from {Source}.")]
    public static partial void Federated(ILogger logger, string trustDomain, string source);

    [LoggerMessage(LogEventIds.DomainNotFederated, LogLevel.Warning, "The mesh is not federated with {TrustDomain} any more: no workload of it is believed.")]
    public static partial void NotFederated(ILogger logger, string trustDomain);

    [LoggerMessage(LogEventIds.FederatedBundleTaken, LogLevel.Information, "The bundle of {TrustDomain} from {Source} is in force. Roots: {Roots}; sequence: {Sequence}.")]
    public static partial void Taken(ILogger logger, string trustDomain, string source, int roots, string sequence);

    [LoggerMessage(LogEventIds.FederatedBundleNotRead, LogLevel.Warning, "The bundle of {TrustDomain} can't be taken from {Source}; {InForce}, and it is tried again in {Seconds} s: {Reason}")]
    public static partial void NotRead(ILogger logger, string trustDomain, string source, string inForce, double seconds, string reason);

    [LoggerMessage(LogEventIds.FederatedBundleReadAgain, LogLevel.Information, "The bundle of {TrustDomain} can be taken from {Source} again.")]
    public static partial void ReadAgain(ILogger logger, string trustDomain, string source);

    [LoggerMessage(LogEventIds.FederatedBundleNotKept, LogLevel.Warning, "What is kept of {TrustDomain} for the next start can't be read or written: {Reason}")]
    public static partial void NotKept(ILogger logger, string trustDomain, string reason);

    [LoggerMessage(LogEventIds.FederatedBundleKeptAgain, LogLevel.Information, "What is known of {TrustDomain} is kept for the next start again.")]
    public static partial void KeptAgain(ILogger logger, string trustDomain);

    [LoggerMessage(LogEventIds.FederatedBundlesNotForgotten, LogLevel.Warning, "What was kept of trust domains that the mesh is not federated with any more can't be deleted: {Reason}")]
    public static partial void OthersNotForgotten(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.FederationFault, LogLevel.Error, "Something of the federation with other trust domains has failed, and is tried again.")]
    public static partial void Fault(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.FederatedKeysLeftOut, LogLevel.Warning, "The bundle of {TrustDomain} from {Source} is taken without keys that can't be used, by which nobody is believed: it {Reason}")]
    public static partial void LeftOut(ILogger logger, string trustDomain, string source, string reason);

    [LoggerMessage(LogEventIds.FederatedRootsOfOthers, LogLevel.Warning, "The bundle of {TrustDomain} from {Source} has a root of {Others}, too: is it that of {TrustDomain}?")]
    public static partial void RootsOfOthers(ILogger logger, string trustDomain, string source, string others);

    [LoggerMessage(LogEventIds.FederatedDomainMissing, LogLevel.Warning, "{Path} does not name {TrustDomain} any more; where it still does not after {Seconds} s, the mesh is not federated with it.")]
    public static partial void Missing(ILogger logger, string path, string trustDomain, double seconds);

    [LoggerMessage(LogEventIds.RootsNotTold, LogLevel.Error, "{Count} of the mesh's roots can't be told to other trust domains, as SPIFFE's bundles have no name for their kind of key: nobody there believes what is below them.")]
    public static partial void NotTold(ILogger logger, int count);

    [LoggerMessage(LogEventIds.BundleServed, LogLevel.Information, "The mesh's own bundle is told to other trust domains. Roots: {Roots}; sequence: {Sequence}.")]
    public static partial void Served(ILogger logger, int roots, ulong sequence);

    [LoggerMessage(LogEventIds.BundleSequenceNotKept, LogLevel.Warning, "The sequence of the mesh's own bundle can't be read or written ({Place}); by the clock it still rises: {Reason}")]
    public static partial void SequenceNotKept(ILogger logger, string place, string reason);

    [LoggerMessage(LogEventIds.WebCertificateNotRead, LogLevel.Error, "The certificate of the bundle endpoint can't be used, which is tried every {Seconds} s; the one before is: {Reason}")]
    public static partial void WebCertificateNotRead(ILogger logger, double seconds, string reason);

    [LoggerMessage(LogEventIds.WebCertificateEnded, LogLevel.Error, "The certificate of the bundle endpoint has ended at {NotAfter:u}: nobody takes the mesh's bundle until {Path} has another one.")]
    public static partial void WebCertificateEnded(ILogger logger, DateTimeOffset notAfter, string path);

    [LoggerMessage(LogEventIds.WebCertificateRead, LogLevel.Information, "The bundle endpoint has another certificate, which ends at {NotAfter:u}.")]
    public static partial void WebCertificateRead(ILogger logger, DateTimeOffset notAfter);
}
