using System.Runtime.InteropServices;
using System.Text;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>OpenSSL refused a certificate, a key or a setting. Failures of connections are values, not exceptions.</summary>
public sealed class TlsException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was tried and why it failed.</param>
    public TlsException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception from this thread's error queue, which is drained.</summary>
    internal static TlsException FromQueue(string operation) => new($"failed to {operation}: {DrainErrors()}");

    /// <summary>Takes all errors from this thread's queue as one text.</summary>
    internal static unsafe string DrainErrors()
    {
        StringBuilder text = new();
        byte* buffer = stackalloc byte[256];
        while (OpenSsl.ERR_get_error() is var error and not 0)
        {
            OpenSsl.ERR_error_string_n(error, buffer, 256);
            string line = Marshal.PtrToStringUTF8((nint)buffer)!;
            if (text.Length > 0) text.Append("; ");
            // "error:0A000086:SSL routines::certificate verify failed": the last part is what people read.
            text.Append(line.AsSpan(line.LastIndexOf(':') + 1));
        }

        return text.Length == 0 ? "no reason given" : text.ToString();
    }
}
