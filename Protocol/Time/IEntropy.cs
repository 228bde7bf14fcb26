namespace Mesh.Protocol.Time;

/// <summary>Gives random bytes: the operating system's in a program, a seeded stream in a test, so that a run can be repeated.</summary>
public interface IEntropy
{
    /// <summary>Fills the whole span.</summary>
    void Fill(Span<byte> destination);
}
