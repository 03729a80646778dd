"""French words and keyboard walks that people choose as passwords, without accents, in small letters.

English lists come with zxcvbn. These are our own choice of frequent words, names, places and seasons.
"""

from __future__ import annotations

_PASSWORDS = """
motdepasse motdepass passe passemot azerty azertyuiop azertyu qsdfgh qsdfghjklm wxcvbn azeqsd aqwzsx
aqwxsz azerqsdf poiuytreza bonjour bonsoir salut coucou soleil doudou loulou chouchou chocolat nounours
jetaime jetadore moncoeur monamour monange mavie mabelle tamere cheval chevaux poupette poupoune
princesse amour marseille toulouse bordeaux lyon paris nantes strasbourg montpellier quebec montreal
ottawa gatineau laval sherbrooke canadien canadiens hockey habs nordiques tabarnak caliss ostie
bienvenue secret secrete sesame ouvretoi administrateur utilisateur invite visiteur demarrage bidule
bidon machin truc patate ratatouille croissant baguette fromage camembert poutine erable caribou
castor orignal flocon tempete neige hiver printemps ete automne janvier fevrier mars avril mai juin
juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi vendredi samedi dimanche
electricite electrique reseau energie puissance centrale turbine barrage eolienne solaire nucleaire
"""

_WORDS = """
abeille abricot acheter acier action adieu adresse affaire agneau agrafe aigle aiguille aile ailleurs
aimer alarme album alerte allumette alors ambre amande ami amie amitie ampoule ananas ancien ancre
ange animal animaux anneau annee anniversaire antenne apprendre araignee arbre archive ardoise argent
armoire arret arriver artiste asperge assiette atelier attendre auberge audace aujourdhui aussi
auteur autobus autoroute autre avant avenir aventure avion avocat avoine bague baguette baleine balle
ballon banane bande banque baril barque bassin bataille bateau batiment batterie beau beaucoup beaute
belle berceau berger besoin beurre bibliotheque bicyclette bijou billet biscuit blanc blanche blesser
bleu bleue boeuf boire bois boisson boite bonheur bonjour bonne bordure bottes bouche boucher bouclier
bougie boulanger boulangerie boule bouquet bouteille boutique bouton branche bras brebis brillant
brique brise broche brosse brouillard bruit brume bureau cabane cacao cadeau cadre cafard cafe cahier
caisse calcul calendrier camarade camion campagne canard canape canette capitaine caramel carotte
carre carreau carte carton cascade casquette casserole castor cathedrale cause cavalier caverne
ceinture celebre cerise cerveau chaine chaise chaleur chambre chameau champ champagne champignon
chandelle changer chanson chanter chapeau chapitre charbon charger charmant chasse chasseur chat
chateau chaton chaud chaussette chaussure chemin cheminee chemise chenille cherche chercher cheval
chevalier cheveu cheveux chevre chien chiffre chocolat choisir chose chouette ciel cigale cigogne
cinema cinquante cirque ciseaux citron citrouille clair classe clavier clef client cloche clocher
cochon coeur coffre colere colibri collier colline colombe colonne combat commerce compagnie compter
comte confiance confiture conseil construire conte content copain coq coquelicot coquillage corbeau
corde cordon corps costume coton couleur coup courage couronne courrier courir course couteau couvert
crabe cravate crayon creme crepe crevette crocodile croire croix cuillere cuisine cuisinier cuivre
cygne dame danger danse danser dauphin debout decembre decouverte defense dehors demain demander
demeure demon dent dentelle depart depuis dernier derriere descendre desert dessert dessin dessous
dessus deux devant devenir devoir diable diamant dictionnaire dieu different difficile dimanche dinde
diner directeur donner dormir dossier douane double douceur douche douleur doute douze dragon drapeau
droit droite duchesse eau echarpe echelle eclair ecole ecolier economie ecouter ecran ecrire ecureuil
effort egalite eglise elephant eleve empire emploi encore encre enfance enfant enfants enfer ennemi
ensemble entendre entier entree entreprise entrer enveloppe envers epaule epee epice epinard epoque
equipe erreur escalier escargot espace espagne espece espoir esprit essai essence estomac etage etang
etat eternel etoile etoiles etrange etranger etude etudiant euro evasion eveil exemple fable facile
facteur faim faire faisan falaise famille fantome farine fatigue faucon faute fauteuil femme fenetre
ferme fermer fermier festival fete feuille feutre fevrier ficelle fierte fievre figue figure filet
fille film fils finir flamme flaque fleche fleur fleurs fleuve flocon flute foin folie fontaine foret
forge forme formidable forteresse fortune fosse foudre fougere foule four fourchette fourmi fraise
framboise francais france frere frite froid fromage front frontiere fruit fumee fusee fusil gagner
galaxie galerie gamin garage garcon gardien gare gateau gauche gazelle gazon geant general genou gens
gentil girafe givre glace glacier gomme gorge gourmand gouter goutte grain graine grand grandir grange
gratuit gravier grenouille griffe grotte groupe guepe guerre guitare habit habiter hache hamster
haricot hasard haut herbe herisson heros heure heureux hibou hier hirondelle histoire hiver homard
homme honneur hopital horloge hotel huile huitre humain humeur idee image immense imprimante incendie
insecte instant inutile invention invitation ivoire jamais jambe jambon janvier jardin jardinier jaune
jeune jeunesse joie jolie jongleur joue jouer jouet jouets jour journal journee joyeux juge jumeau
jument jungle jupe jusque juste justice kangourou lacet laine laisser lait lampe langage langue lapin
large larme lavande lecon lecture legende leger legume lendemain lentille lettre levre lezard liberte
libre licorne lierre ligne limace lion liste litre livre livres locomotive loin longtemps louche loup
lourd loutre lueur lumiere lundi lune lunettes lutin machine magasin magicien magie magique maintenant
maire maison maitre maitresse malade malheur maman manche mandarine manger manteau marche marchand
mardi marguerite mariage marin marmotte marron marteau masque matelas matin mauvais mechant medecin
meilleur melange melodie melon memoire menthe menuisier mercredi mere merle merveille message mesure
metal metier metro meuble midi miel mieux milieu mille minuit minute miracle miroir moineau moins
moisson moitie moment monde monnaie monsieur montagne monter montre morceau mouche mouchoir mouette
moulin mousse moustache moustique mouton mouvement moyen muguet musee musique mystere nager naissance
nature navire neige nenuphar neveu niveau noel noir noire noisette nombre nord normand note nourriture
nouveau nouvelle noyau nuage nuit numero oiseau oiseaux olive ombre oncle ongle orage orange orchestre
ordinateur ordre oreille oreiller orgueil ortie ouest oublier ours ourson ouvrier ouvrir paille pain
paix palais palmier panda panier panthere pantalon papa papier papillon paradis parapluie parasol
pardon paresse parfait parfum parler parole partir passage passager passer passion pasteque patate
patience patin patron patte paupiere pauvre pays paysage paysan peau peche pecheur peinture pelouse
pendule penser perdre perdrix pere perle perroquet perruche personne petale petit petite peuple peur
phare pharmacie photo phrase piano pied pierre pieuvre pigeon pilote pinceau pingouin pirate piscine
pistache place plafond plage plaine plaisir planete plante plastique plume pluie poche poele poeme
poesie poignet poire poireau pois poisson poitrine poivre policier politique pomme pommier pompier
pont porte portefeuille posterieur potiron poubelle pouce poule poulet poupee pourquoi poussin pouvoir
prairie premier prendre prenom present presque pretre printemps prison probleme prochain professeur
profond promenade promesse propre prune puce puissant puits pyramide quand quarante quartier quatre
question queue quinze quitter quotidien racine radis raison raisin ramage rapide raquette rarement
rasoir rayon recette recolte reflet refrain refuge regard regarder reine remercier renard rendre
renne repas repondre reponse repos requin respect rester retard retour reve reveil revenir rhubarbe
riche rideau riviere robe robinet rocher roman ronde rosee rossignol rouge route royaume ruban ruche
ruelle ruisseau rythme sable sabot sagesse saison salade salaire salle salon samedi sandale sanglier
sante sapin sardine saumon sauterelle sauvage savant savoir savon scarabee science seconde secours
seigneur seize semaine sentier sentir septembre serpent serrure service seul seulement siecle siege
signal silence simple singe sirene six soeur soie soif soir soixante soldat soleil solide sombre
sommeil sommet songe sorciere sortie souci soudain soupe source sourcil sourire souris souterrain
souvenir souvent statue sucre sujet surprise symphonie tableau tablier tabouret tache taille tambour
tante tapis tarte tasse taupe taureau telephone tempete temple temps tendre tendresse tennis tente
terrasse terre terrible tete theatre tigre timbre tiroir tissu toile toit tomate tombeau tomber
tonnerre torche tornade tortue toujours tour tournesol tourterelle tousser tracteur tradition train
tranquille travail travailler traverser trefle treize trente tresor triangle tricot triste trois
trompette tronc trottoir trouver truite tulipe tunnel tuyau univers usine utile vacances vache vague
vaisseau valise vallee vanille vapeur veau velo velours vendredi vengeance vent ventre verger verite
verre vers vert verte vertu veste viande victoire vider vieille vieux village ville vin vinaigre vingt
violet violette violon vipere virage visage vitesse vitrail vitre vivre voile voir voisin voisine
voiture voix volcan voleur vouloir voyage voyageur voyelle vrai wagon yaourt yeux zebre zero zeste
"""

FRENCH_PASSWORDS = frozenset(_PASSWORDS.split())
FRENCH_WORDS = frozenset(_WORDS.split())
