using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mesh.Controller.Admin;

/// <summary>Is who connected to a UNIX socket, as the kernel says (SO_PEERCRED of unix(7)).</summary>
readonly record struct PeerCredentials(int ProcessId, int UserId, int GroupId)
{
    const int SolSocket = 1;
    const int SoPeerCred = 17;

    /// <summary>Asks the kernel.</summary>
    public static PeerCredentials Of(Socket socket)
    {
        Span<int> values = stackalloc int[3];
        var length = socket.GetRawSocketOption(SolSocket, SoPeerCred, MemoryMarshal.AsBytes(values));
        return length == 12
            ? new PeerCredentials(values[0], values[1], values[2])
            : throw new SocketException((int)SocketError.OperationNotSupported);
    }

    /// <summary>Gives the user's name for the audit list: from /etc/passwd, else <c>uid-N</c>.</summary>
    public string UserName()
    {
        var id = UserId.ToString(CultureInfo.InvariantCulture);
        try
        {
            foreach (var line in File.ReadLines("/etc/passwd"))
            {
                if (line.Split(':') is [{ Length: > 0 } name, _, var uid, ..] && uid == id)
                    return name;
            }
        }
        catch (IOException)
        {
            // The number says the same.
        }
        return "uid-" + id;
    }
}
