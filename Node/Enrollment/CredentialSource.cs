using Mesh.Protocol.Enrollment;

namespace Mesh.Node.Enrollment;

/// <summary>Finds the credential that a person or a program hands over: <c>file:PATH</c>, <c>-</c> for standard input, or the text itself.</summary>
static class CredentialSource
{
    // A credential has at most 255 characters; what is longer is not read to its end.
    const int MaximumRead = 4096;

    /// <summary>Reads and checks a credential.</summary>
    /// <param name="source">What was given.</param>
    /// <param name="input">Standard input.</param>
    /// <exception cref="MeshFailureException">It cannot be read (65), or is not a credential (64).</exception>
    public static CredentialString Read(string source, TextReader input)
    {
        string text;
        if (source == "-")
            text = ReadSome(input);
        else if (source.StartsWith("file:", StringComparison.Ordinal))
            text = ReadFile(source["file:".Length..]);
        else
            text = source;
        return CredentialString.TryParse(text, out var credential)
            ? credential
            : throw new MeshFailureException(ExitCodes.Usage,
                $"this is not a credential: it begins with {CredentialString.Prefix}, and every character counts; copy it again or ask for a new one (mesh-controller credential create)");
    }

    static string ReadFile(string path)
    {
        try
        {
            using var reader = new StreamReader(path);
            return ReadSome(reader);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MeshFailureException(ExitCodes.BadInput, $"cannot read the credential from '{path}': {failure.Message}", failure);
        }
    }

    static string ReadSome(TextReader reader)
    {
        var buffer = new char[MaximumRead];
        var read = reader.ReadBlock(buffer, 0, buffer.Length);
        var text = new string(buffer, 0, read);
        Array.Clear(buffer);
        return text;
    }
}
