using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Questions and answers of authorizers that speak HTTP: they are sent the head of the request, and allow it with a status of 200 to 299.</summary>
internal static class HttpCheck
{
    /// <summary>Puts a question together.</summary>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="request">The request.</param>
    /// <param name="head">Where to.</param>
    internal static void Compose(ExternalAuthorizer authorizer, HeaderList request, HeaderList head)
    {
        ReadOnlySpan<byte> target = request.Path;
        byte[] path = new byte[authorizer.PathPrefix.Length + target.Length];
        target.CopyTo(path.AsSpan(Encoding.ASCII.GetBytes(authorizer.PathPrefix, path)));
        if (target.SequenceEqual("*"u8)) path = Encoding.ASCII.GetBytes(authorizer.PathPrefix.Length > 0 ? authorizer.PathPrefix : "/");
        head.Add(":method"u8, request.Method).Add(":scheme"u8, "http"u8).Add(":authority"u8, StreamRequestForm.HostOf(request)).Add(":path"u8, path);
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (field.Name[0] == ':' || !FieldForm.IsChangeable(field.Name)) continue;
            if (field.Name.SequenceEqual("authorization"u8) || IsNamed(authorizer.RequestHeaders, field.Name)) head.Add(field.Name, field.Value, field.NeverIndexed);
        }
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="authorizer">Whose.</param>
    /// <param name="status">Its status.</param>
    /// <param name="fields">Its head.</param>
    /// <param name="body">Its body.</param>
    /// <param name="limits">What it may have.</param>
    internal static AuthorizerAnswer Read(ExternalAuthorizer authorizer, int status, HeaderList fields, ReadOnlySpan<byte> body, AuthorizerLimits limits)
    {
        // What is wrong with it, or what the mesh answers in its place, says nothing of the request.
        if (status >= 500) return AuthorizerAnswer.Failed($"it answers with status {status}");
        if (ProxyError.TryRead(fields, out _)) return AuthorizerAnswer.Failed($"the mesh answers in its place, with status {status}", isOfRequest: true); // which clients can bring about, and applications can say of themselves
        return status is >= 200 and < 300 ? ReadAllowed(authorizer, fields, limits) : AuthorizerAnswer.Refused(status, new DeniedAnswer(FieldsForClient(authorizer, fields, limits), body.Length > limits.MaxDenial ? Array.Empty<byte>() : body.ToArray()));
    }

    private static AuthorizerAnswer ReadAllowed(ExternalAuthorizer authorizer, HeaderList fields, AuthorizerLimits limits)
    {
        FieldRoom room = new(limits);
        List<HeadEdit> edits = [];
        for (int i = 0; i < fields.Count; i++)
        {
            HeaderView field = fields[i];
            if (!FieldForm.IsChangeable(field.Name) || !IsNamed(authorizer.UpstreamHeaders, field.Name)) continue;
            if (!room.TryTake(field.Name, field.Value)) return AuthorizerAnswer.Failed(room.Refusal!, isOfRequest: true); // without its changes a request must not pass
            edits.Add(new HeadEdit(HeadEditKind.Append, field.Name.ToArray(), field.Value.ToArray())); // what the client has sent by the name is gone already
        }

        return AuthorizerAnswer.Allowed(edits);
    }

    // A denial is one whatever has no room in it.
    private static HeaderList FieldsForClient(ExternalAuthorizer authorizer, HeaderList fields, AuthorizerLimits limits)
    {
        FieldRoom room = new(limits);
        HeaderList forClient = new();
        for (int i = 0; i < fields.Count; i++)
        {
            HeaderView field = fields[i];
            if (FieldForm.IsChangeable(field.Name) && IsForClient(authorizer, field.Name) && room.TryTake(field.Name, field.Value)) forClient.Add(field.Name, field.Value);
        }

        return forClient;
    }

    // Without some the status, or the body, could not be understood.
    private static bool IsForClient(ExternalAuthorizer authorizer, ReadOnlySpan<byte> name) => authorizer.DownstreamHeaders.IsEmpty || IsNamed(authorizer.DownstreamHeaders, name)
        || name.SequenceEqual("content-type"u8) || name.SequenceEqual("content-encoding"u8) || name.SequenceEqual("www-authenticate"u8) || name.SequenceEqual("location"u8);

    private static bool IsNamed(EquatableArray<string> names, ReadOnlySpan<byte> name) => names.AsSpan().Contains(Encoding.ASCII.GetString(name));
}
