namespace Culvert.Http1;

/// <summary>Why a message is not taken. What came by the connection after it can't be told apart from it any more: it has to be closed.</summary>
/// <param name="Status">What a request is answered with, 400 to 505. A response like that is answered with 502 in place of its sender.</param>
/// <param name="Reason">In words, without anything of the message itself.</param>
public sealed record MessageRefusal(int Status, string Reason)
{
    internal static readonly MessageRefusal
        LongStartLine = new(414, "the start line is too long"),
        LongHead = new(431, "the head is too long"),
        ManyFields = new(431, "there are too many fields"),
        BareLineFeed = new(400, "a line does not end with CR LF"),
        StartLine = new(400, "the start line is not of three parts with one space between"),
        Method = new(400, "the method is not a token"),
        Target = new(400, "the target has characters that no target has"),
        TargetForm = new(400, "the target is of a form that the method does not have"),
        Version = new(505, "the version is not HTTP/1.0 or HTTP/1.1"),
        StatusCode = new(400, "the status is not of three digits from 100 on"),
        ReasonPhrase = new(400, "the reason phrase has control characters"),
        FieldName = new(400, "the name of a field is not a token that a colon follows"),
        FieldValue = new(400, "the value of a field has control characters"),
        Folded = new(400, "a field goes on in the next line"),
        NoHost = new(400, "there is no host"),
        ManyHosts = new(400, "there is more than one host"),
        Host = new(400, "the host is not one"),
        Length = new(400, "the length of the content is not one number"),
        LengthAndCoding = new(400, "there are both a length of the content and a transfer coding"),
        Coding = new(400, "the transfer coding is not chunked alone"),
        UnknownCoding = new(501, "there is a transfer coding beside chunked"),
        CodingOfOldVersion = new(400, "there is a transfer coding in HTTP/1.0"),
        Connection = new(400, "the connection field is not a list of tokens, or names a field that says where the message goes or ends"),
        InterimBody = new(400, "an interim response announces a body"),
        ChunkSize = new(400, "the size of a chunk is not a number of at most 15 hexadecimal digits"),
        ChunkExtension = new(400, "the extension of a chunk is too long, or has control characters"),
        ChunkEnd = new(400, "a chunk does not end where its size says"),
        TrailerField = new(400, "a trailer has a field that says where the message goes or ends");
}
