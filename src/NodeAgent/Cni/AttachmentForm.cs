using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Culvert.Cni;
using Culvert.Core;

namespace Culvert.NodeAgent.Cni;

/// <summary>A <see cref="PodAttachment"/> as it stands in a file.</summary>
internal sealed record AttachmentForm(
    string ContainerId, string Interface, string PodNamespace, string PodName, string? PodUid, string? NetworkNamespace, string? HostInterface, string[] Addresses, string[] ToldBefore, DateTimeOffset Added)
{
    internal static byte[] Write(PodAttachment attachment) => JsonSerializer.SerializeToUtf8Bytes(
        new AttachmentForm(
            attachment.Name.ContainerId, attachment.Name.Interface, attachment.Pod.Namespace, attachment.Pod.Name, attachment.PodUid, attachment.NetworkNamespace, attachment.HostInterface,
            [.. attachment.Addresses.Select(a => a.ToString())], [.. attachment.ToldBefore.Select(a => a.ToString())], attachment.Added),
        AttachmentJson.Default.AttachmentForm);

    /// <exception cref="FormatException">It is none.</exception>
    internal static PodAttachment Read(ReadOnlySpan<byte> json)
    {
        AttachmentForm form;
        try
        {
            form = JsonSerializer.Deserialize(json, AttachmentJson.Default.AttachmentForm) ?? throw new FormatException("it is null");
        }
        catch (JsonException e)
        {
            throw new FormatException(e.Message, e);
        }
        Require("ContainerId", form.ContainerId, CniText.CheckContainerId);
        Require("Interface", form.Interface, CniText.CheckInterface);
        Require("PodNamespace", form.PodNamespace, CniText.CheckName);
        Require("PodName", form.PodName, CniText.CheckName);
        if (form.PodUid is not null) Require("PodUid", form.PodUid, CniText.CheckUid);
        if (form.HostInterface is not null) Require("HostInterface", form.HostInterface, CniText.CheckInterface);
        return new PodAttachment
        {
            Name = new(form.ContainerId, form.Interface),
            Pod = new(form.PodNamespace, form.PodName),
            PodUid = form.PodUid,
            NetworkNamespace = form.NetworkNamespace,
            HostInterface = form.HostInterface,
            Addresses = (form.Addresses ?? throw new FormatException("Addresses is missing")).Select(IPAddress.Parse).ToEquatableArray(),
            ToldBefore = (form.ToldBefore ?? throw new FormatException("ToldBefore is missing")).Select(IPAddress.Parse).ToEquatableArray(),
            Added = form.Added,
        };
    }

    private static void Require(string field, string? value, Func<string, string?> check)
    {
        if (value is null) throw new FormatException($"{field} is missing");
        if (check(value) is { } wrong) throw new FormatException($"{field} {wrong}");
    }
}

[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, MaxDepth = 4)]
[JsonSerializable(typeof(AttachmentForm))]
internal sealed partial class AttachmentJson : JsonSerializerContext;
