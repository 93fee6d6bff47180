using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>
/// Takes libbpf's messages instead of letting them go to standard error, and hands them to the operation that runs on the
/// same thread, so that an exception can say why.
/// </summary>
internal static unsafe class LibbpfLog
{
    /// <summary>A verifier log can reach megabytes; beyond this only the end, which names the fault, is of use.</summary>
    private const int LongestMessage = 1 << 20;

    /// <summary>sizeof(va_list): 24 bytes on x86-64, 32 on arm64. Copying 32 stays inside the caller's frame on both.</summary>
    private const int VaListBytes = 32;

    [ThreadStatic]
    private static StringBuilder? t_capture;

    static LibbpfLog() => Libbpf.libbpf_set_print(&Print);

    /// <summary>Collects what libbpf prints on this thread until the scope is disposed.</summary>
    internal static Scope Begin() => new(t_capture);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Print(libbpf_print_level level, byte* format, void* arguments)
    {
        if (level >= libbpf_print_level.LIBBPF_DEBUG || t_capture is not { } capture) return 0;
        byte* copy = stackalloc byte[VaListBytes];
        new ReadOnlySpan<byte>(arguments, VaListBytes).CopyTo(new Span<byte>(copy, VaListBytes));
        int length = Libc.vsnprintf(null, 0, format, copy);
        if (length <= 0) return 0;
        byte* buffer = (byte*)NativeMemory.Alloc((nuint)length + 1);
        _ = Libc.vsnprintf(buffer, (nuint)length + 1, format, arguments);
        int skip = Math.Max(0, length - LongestMessage);
        if (skip > 0) capture.AppendLine("[beginning of a long log left out]");
        capture.Append(Encoding.UTF8.GetString(buffer + skip, length - skip));
        NativeMemory.Free(buffer);
        return length;
    }

    /// <summary>One operation's messages. Scopes nest; the inner one takes what is printed.</summary>
    internal readonly ref struct Scope
    {
        private readonly StringBuilder? _outer;
        private readonly StringBuilder _messages = new();

        internal Scope(StringBuilder? outer)
        {
            _outer = outer;
            t_capture = _messages;
        }

        /// <summary>Warnings and information so far, one per line.</summary>
        internal string Text => _messages.ToString();

        /// <summary>Ends the collection.</summary>
        public void Dispose() => t_capture = _outer;
    }
}
