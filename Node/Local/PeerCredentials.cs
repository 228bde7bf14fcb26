using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mesh.Node.Local;

/// <summary>Says who is at the other end of a UNIX socket, as the kernel recorded it when the connection was made (SO_PEERCRED, unix(7)).</summary>
/// <param name="Pid">The process.</param>
/// <param name="Uid">The user.</param>
/// <param name="Gid">The group.</param>
[StructLayout(LayoutKind.Sequential)]
readonly record struct PeerCredentials(int Pid, uint Uid, uint Gid)
{
    const int SolSocket = 1;
    const int SoPeerCred = 17;
    const int Size = 12;

    /// <summary>Reads them from a connected UNIX socket.</summary>
    public static PeerCredentials Of(Socket socket)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var length = socket.GetRawSocketOption(SolSocket, SoPeerCred, bytes);
        return length == Size ? MemoryMarshal.Read<PeerCredentials>(bytes) : throw new SocketException((int)SocketError.ProtocolOption);
    }

    /// <summary>Tells whether this user may change things: root, or the one that the daemon runs as.</summary>
    public bool MayChange(uint owner) => Uid == 0 || Uid == owner;
}
