using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Mesh.Tests.Architecture;

/// <summary>Reads the repository that the tests were built from.</summary>
static partial class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Lists the C# sources below a folder of the repository, build output left out.</summary>
    public static IEnumerable<string> Sources(string folder = "") =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildOutput().IsMatch(Path.GetRelativePath(Root, file)));

    /// <summary>Names the projects that a project refers to, without following them further.</summary>
    public static IReadOnlySet<string> References(string project)
    {
        var file = Path.Combine(Root, project);
        var references = new HashSet<string>(StringComparer.Ordinal);
        Collect(file);
        return references;

        void Collect(string path)
        {
            var xml = XDocument.Load(path);
            foreach (var reference in xml.Descendants("ProjectReference"))
            {
                // A reference that only orders the build puts nothing of the other project into this one.
                if (reference.Attribute("ReferenceOutputAssembly")?.Value == "false")
                    continue;
                var include = reference.Attribute("Include")!.Value.Replace("$(MSBuildThisFileDirectory)", Path.GetDirectoryName(path) + "/", StringComparison.Ordinal);
                references.Add(Path.GetRelativePath(Root, Path.GetFullPath(include, Path.GetDirectoryName(path)!)));
            }
            foreach (var import in xml.Descendants("Import").Select(import => import.Attribute("Project")!.Value).Where(import => !import.Contains('$')))
                Collect(Path.GetFullPath(import, Path.GetDirectoryName(path)!));
        }
    }

    static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Mesh.Actors.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("the tests do not run from inside the repository");
    }

    [GeneratedRegex(@"(^|/)(bin|obj)/")]
    private static partial Regex BuildOutput();
}
